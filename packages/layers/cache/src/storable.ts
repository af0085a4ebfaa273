import type { HttpHeaders, HttpRequest, HttpResponse } from "@pagoda/http";
import { type Directives, secondsOf } from "./cache-control.ts";
import { namesIn } from "./vary.ts";

/** Statuses that may be cached without an explicit lifetime (RFC 9110, 15.1), but 206. */
const heuristic: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** Statuses whose requirements on caches are met here, for `must-understand`. */
const understood: ReadonlySet<number> = new Set([
  ...heuristic,
  201,
  202,
  205,
  302,
  303,
  307,
  400,
  401,
  402,
  403,
  406,
  407,
  408,
  409,
  411,
  412,
  413,
  415,
  416,
  417,
  421,
  422,
  426,
  451,
  500,
  502,
  503,
  504,
  505,
]);

/** Whether a response may be given a lifetime by a heuristic (RFC 9111, 4.2.2). */
export function allowsHeuristic(status: number, directives: Directives): boolean {
  return heuristic.has(status) || directives.has("public");
}

/**
 * Whether the response to a GET request may be stored (RFC 9111, 3). Stricter than the standard in
 * one point: a shared cache does not store `Set-Cookie`, which would give all clients the session of
 * one.
 */
export function isStorable(
  request: HttpRequest,
  { status, headers, fault }: Pick<HttpResponse, "status" | "headers" | "fault">,
  directives: Directives,
  shared: boolean,
): boolean {
  // A part, an answer about another response, and what an inner layer made of an error.
  if (status < 200 || status === 206 || status === 304 || fault !== undefined) return false;
  if (directives.has("must-understand")) {
    if (!understood.has(status)) return false;
  } else if (directives.has("no-store")) return false;
  if (shared && (directives.has("private") || headers.has("set-cookie"))) return false;
  if (shared && request.headers.has("authorization") && !allowsAuthorized(directives)) return false;
  if (namesIn(headers) === undefined) return false;
  return heuristic.has(status) || hasLifetime(headers, directives, shared);
}

/** Whether the response to an authenticated request may be given to others (RFC 9111, 3.5). */
function allowsAuthorized(directives: Directives): boolean {
  return directives.has("public") || directives.has("must-revalidate") || directives.has("s-maxage");
}

function hasLifetime(headers: HttpHeaders, directives: Directives, shared: boolean): boolean {
  return (
    directives.has("public") ||
    directives.has("max-age") ||
    headers.has("expires") ||
    directives.has(shared ? "s-maxage" : "private")
  );
}

/** Whether a stored response could ever be used: while fresh, validated, or stale with permission. */
export function isUseful(headers: HttpHeaders, directives: Directives, lifetimeMs: number): boolean {
  if (headers.has("etag") || headers.has("last-modified")) return true;
  if (directives.has("no-cache")) return false;
  return (
    lifetimeMs > 0 ||
    (secondsOf(directives, "stale-while-revalidate") ?? 0) > 0 ||
    (secondsOf(directives, "stale-if-error") ?? 0) > 0
  );
}
