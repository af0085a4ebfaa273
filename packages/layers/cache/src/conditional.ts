import { parseHttpDate } from "@pagoda/core";
import { HttpHeaders, type HttpRequest } from "@pagoda/http";
import type { Kept } from "./kept.ts";

/** Preconditions that a cache can answer (RFC 9111, 4.3.2). */
export function isConditional({ headers }: HttpRequest): boolean {
  return headers.has("if-none-match") || headers.has("if-modified-since");
}

/** Whether a stored response can be validated. */
export function hasValidator({ headers }: Kept): boolean {
  return headers.has("etag") || headers.has("last-modified");
}

/** Makes the request that validates a stored response (RFC 9111, 4.3.1). */
export function validating<Req extends HttpRequest>(request: Req, { headers: stored }: Kept): Req {
  const own = withoutConditions(request);
  const tag = stored.get("etag");
  const modified = stored.get("last-modified");
  if (tag !== undefined) return { ...own, headers: own.headers.append("if-none-match", tag) };
  return modified === undefined
    ? own
    : { ...own, headers: own.headers.append("if-modified-since", modified) };
}

/** Makes the request without the client's preconditions. */
export function withoutConditions<Req extends HttpRequest>(request: Req): Req {
  if (!isConditional(request)) return request;
  return { ...request, headers: request.headers.delete("if-none-match").delete("if-modified-since") };
}

/**
 * Whether the client has the stored response: by `If-None-Match`, compared weakly, or, without it, by
 * `If-Modified-Since` (RFC 9110, 13.1 and 13.2.2).
 */
export function clientHas({ headers }: HttpRequest, { headers: stored }: Kept, now: number): boolean {
  const tags = headers.all("if-none-match");
  if (tags.length > 0) {
    const tag = stored.get("etag");
    const list = tags.join(",");
    return list.trim() === "*" || (tag !== undefined && tagsIn(list).includes(opaque(tag)));
  }
  const given = headers.get("if-modified-since");
  const since = given === undefined ? undefined : parseHttpDate(given, now);
  if (since === undefined) return false;
  const modified = parseHttpDate(stored.get("last-modified") ?? stored.get("date") ?? "", now);
  return modified !== undefined && modified <= since;
}

/**
 * Whether a 304, or a response to HEAD, is about a stored response: its validators do not contradict
 * (RFC 9111, 4.3.4 and 4.3.5).
 */
export function isAbout(headers: HttpHeaders, { headers: stored }: Kept): boolean {
  for (const name of ["etag", "last-modified"]) {
    const value = headers.get(name);
    const known = stored.get(name);
    if (value !== undefined && known !== undefined) return opaque(value) === opaque(known);
  }
  return true;
}

/** Entity tags, without the `W/` of weak ones. They may contain commas. */
function tagsIn(list: string): string[] {
  return [...list.matchAll(/"[^"]*"/g)].map(([tag]) => tag);
}

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}
