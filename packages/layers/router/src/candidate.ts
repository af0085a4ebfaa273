import { hostOf } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { type FieldPredicate, fieldPredicate, headerValue, queryValue } from "./field-match.ts";
import { LinearRegex } from "@pagoda/linear-regex";
import { type RouteAction, routeAction, withoutSlash } from "./route-action.ts";
import type { Route, RouteMatch, SelectedRoute } from "./route.ts";

/** A route as a table keeps it. */
export interface Compiled<C extends string = string, P = unknown> {
  readonly route: Route<C, P>;
  /** One for each cluster, and up to which share of the calls it is chosen; of 1 in all. */
  readonly selected: readonly SelectedRoute<C, P>[];
  readonly upTo: readonly number[];
}

/** One match of a route for one of its hosts: what a table looks for. */
export class Candidate<C extends string = string, P = unknown> {
  readonly compiled: Compiled<C, P>;
  readonly match: RouteMatch;
  /** `undefined`: any. */
  readonly host: string | undefined;
  readonly pattern: LinearRegex | undefined;
  readonly headers: readonly FieldPredicate[];
  readonly query: readonly FieldPredicate[];
  readonly action: RouteAction;
  /** What is said of it outside. */
  readonly found: { readonly route: Route<C, P>; readonly match: RouteMatch };
  readonly #methods: readonly string[] | undefined;
  readonly #hasFields: boolean;

  constructor(compiled: Compiled<C, P>, match: RouteMatch, host: string | undefined) {
    this.compiled = compiled;
    this.match = match;
    this.host = host === undefined ? undefined : hostOf(host);
    this.pattern =
      match.path !== undefined && "regex" in match.path ? new LinearRegex(match.path.regex) : undefined;
    this.headers = (match.headers ?? []).map(fieldPredicate);
    this.query = (match.query ?? []).map(fieldPredicate);
    this.action = routeAction(compiled.route, match);
    this.found = { route: compiled.route, match };
    this.#methods = match.methods;
    this.#hasFields = this.headers.length + this.query.length > 0;
  }

  /** The text that the path must begin with, as the tree has it; of a prefix without the slash at its end. */
  get text(): string {
    const { path } = this.match;
    if (path === undefined) return "";
    if ("exact" in path) return path.exact;
    return "prefix" in path ? withoutSlash(path.prefix) : (this.pattern as LinearRegex).literal;
  }

  /** Whether a CONNECT can go by it: a redirect is nothing to it, and a status of 2xx would open a tunnel to nowhere. */
  get takesConnect(): boolean {
    const { redirect, respond } = this.compiled.route;
    return this.match.path === undefined && redirect === undefined && !((respond?.status ?? 300) < 300);
  }

  /** Whether host and path being right, the rest is, too. */
  accepts(request: HttpRequest): boolean {
    return (
      (this.#methods === undefined || this.#methods.includes(request.method)) &&
      (!this.#hasFields || this.acceptsFields(request))
    );
  }

  /** Whether all is right but for the method. */
  acceptsFields({ headers, query }: HttpRequest): boolean {
    return (
      this.headers.every(({ match, accepts }) => accepts(headerValue(headers, match.name))) &&
      this.query.every(({ match, accepts }) => accepts(queryValue(query, match.name)))
    );
  }
}

/**
 * Whether the first goes before the second where both match: the Gateway API's order for HTTPRoute. More specific hosts,
 * then paths, then a method, then more header fields, then more query parameters; of equals the one written first.
 */
export function byPrecedence(a: Candidate, b: Candidate): number {
  for (const [, rank] of ranks) {
    const difference = compare(rank(b), rank(a));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** By what the first goes before the second where both match. */
export function precedence(a: Candidate, b: Candidate): Precedence {
  return ranks.find(([, rank]) => rank(a) !== rank(b))?.[0] ?? "order";
}

/** What decides between two routes that both match: the first of these by which they differ; else the order written. */
export type Precedence = "host" | "path" | "methods" | "headers" | "query" | "order";

const ranks: readonly (readonly [by: Precedence, rank: (candidate: Candidate) => number])[] = [
  ["host", hostRank],
  ["path", kindRank],
  ["path", ({ text }) => text.length],
  ["methods", ({ match }) => Number(match.methods !== undefined)],
  ["headers", ({ headers }) => headers.length],
  ["query", ({ query }) => query.length],
];

/** An exact one before any wildcard, a longer wildcard before a shorter one. */
function hostRank({ host }: Candidate): number {
  if (host === undefined) return 0;
  return host.startsWith("*") ? host.length : Infinity;
}

/** The Gateway API leaves patterns open. One says something of the whole path, as an exact path does and a prefix does not. */
function kindRank({ match: { path } }: Candidate): number {
  if (path === undefined || "prefix" in path) return 0;
  return "regex" in path ? 1 : 2;
}

/** Infinity less itself is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
