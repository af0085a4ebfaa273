import type { HttpRequest } from "@pagoda/http";
import {
  type Candidate,
  comparedHost,
  type HostPorts,
  precedence,
  type Precedence,
  type RouteOrder,
} from "./candidate.ts";
import { headerValue, queryValue } from "./field-match.ts";
import type { PathRefused, PathRefusalReason } from "./path.ts";
import { withoutSlash } from "./route-action.ts";
import type { FieldMatch, RouteMatch } from "./route.ts";

/** The first condition of a match that a request fails. */
export interface Mismatch {
  readonly what: "host" | "path" | "method" | "header" | "query";
  /** Name of the header field or query parameter. */
  readonly name?: string;
  /** The route's condition. */
  readonly wanted: string;
  /** The request's value. Absent if it has none. */
  readonly found?: string;
}

/** Result of one match of a route, for one of its hosts. */
export interface MatchExplanation {
  readonly route: string;
  readonly host?: string;
  readonly matched: boolean;
  readonly mismatch?: Mismatch;
  /** The rule by which another match took precedence, if this one matched, too. */
  readonly lostBy?: Precedence;
  /** Clusters of the route with their shares of the calls, 0 to 1. */
  readonly clusters?: readonly { readonly cluster: string; readonly share: number }[];
}

/** Why a request is routed as it is. JSON-compatible. */
export interface Explanation {
  readonly host: string;
  /** The path as matched, in normal form. Absent if refused. */
  readonly path?: string;
  readonly refused?: PathRefusalReason;
  /** The selected route: the first one below that matched. */
  readonly route?: string;
  /** In order of precedence. */
  readonly matches: readonly MatchExplanation[];
}

/** @internal Checks every candidate, without the index used by `find`. */
export function explain(
  request: HttpRequest,
  path: string | PathRefused,
  candidates: readonly Candidate[],
  { order, hostPorts }: { readonly order: RouteOrder; readonly hostPorts: HostPorts },
): Explanation {
  const host = comparedHost(request.authority, hostPorts);
  if (typeof path !== "string") return { host, refused: path.reason, matches: [] };
  let first: Candidate | undefined;
  const matches = candidates.map((candidate) => {
    const explained = explainOne(candidate, request, host, path);
    if (!explained.matched) return explained;
    if (first !== undefined) return { ...explained, lostBy: precedence(order, first, candidate) };
    first = candidate;
    return explained;
  });
  return { host, path, ...(first && { route: first.compiled.route.name }), matches };
}

function explainOne(
  candidate: Candidate,
  request: HttpRequest,
  host: string,
  path: string,
): MatchExplanation {
  const { compiled } = candidate;
  const mismatch = mismatchOf(candidate, request, host, path);
  const shares = compiled.selected.map(({ cluster }, n) => ({
    cluster,
    share: (compiled.upTo[n] as number) - (compiled.upTo[n - 1] ?? 0),
  }));
  return {
    route: compiled.route.name,
    ...(candidate.host !== undefined && { host: candidate.host }),
    matched: mismatch === undefined,
    ...(mismatch && { mismatch }),
    ...(shares.length > 0 && { clusters: shares }),
  };
}

function mismatchOf(
  candidate: Candidate,
  request: HttpRequest,
  host: string,
  path: string,
): Mismatch | undefined {
  const { match } = candidate;
  if (!hostMatches(candidate.host, host))
    return { what: "host", wanted: candidate.host as string, found: host };
  if (!pathMatches(candidate, path)) return { what: "path", wanted: said(match.path), found: path };
  if (path === "" && !candidate.takesConnect)
    return { what: "method", wanted: "any but CONNECT", found: request.method };
  if (match.methods !== undefined && !match.methods.includes(request.method))
    return { what: "method", wanted: match.methods.join(", "), found: request.method };
  for (const { match: field, accepts } of candidate.headers) {
    const value = headerValue(request.headers, field.name);
    if (!accepts(value)) return fieldMismatch("header", field, value);
  }
  for (const { match: field, accepts } of candidate.query) {
    const value = queryValue(request.query, field.name);
    if (!accepts(value)) return fieldMismatch("query", field, value);
  }
  return undefined;
}

function fieldMismatch(what: "header" | "query", field: FieldMatch, found: string | undefined): Mismatch {
  const { name, ...test } = field;
  return { what, name, wanted: said(test), ...(found !== undefined && { found }) };
}

function hostMatches(wanted: string | undefined, host: string): boolean {
  if (wanted === undefined || wanted === host) return true;
  if (host.length < wanted.length) return false;
  return wanted.startsWith("*.")
    ? host.endsWith(wanted.slice(1))
    : wanted.endsWith(".*") && host.startsWith(wanted.slice(0, -1));
}

function pathMatches({ match: { path: wanted }, pattern }: Candidate, path: string): boolean {
  if (wanted === undefined) return true;
  if (path === "*" || path === "") return false;
  if ("exact" in wanted) return path === wanted.exact;
  if ("regex" in wanted || "pattern" in wanted) return pattern?.matches(path) === true;
  if ("startsWith" in wanted) return path.startsWith(wanted.startsWith);
  const prefix = withoutSlash(wanted.prefix);
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** `prefix /api`, `absent`. */
function said(test: RouteMatch["path"] | object): string {
  return Object.entries(test ?? {})
    .map(([kind, value]) => (value === true ? kind : `${kind} ${String(value)}`))
    .join();
}
