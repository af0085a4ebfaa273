import { hostOf } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { type FieldPredicate, fieldPredicate, headerValue, queryValue } from "./field-match.ts";
import { LinearRegex } from "@pagoda/linear-regex";
import { PathPattern } from "./path-params.ts";
import { type RouteAction, routeAction, withoutSlash } from "./route-action.ts";
import { matchesOf, type Route, type RouteMatch, type SelectedRoute } from "./route.ts";

/** A compiled route. */
export interface Compiled<C extends string = string, P = unknown> {
  readonly route: Route<C, P>;
  /** One per cluster, with the cumulative shares of the calls in `upTo`, ending at 1. */
  readonly selected: readonly SelectedRoute<C, P>[];
  readonly upTo: readonly number[];
}

/** One match of a route for one of its hosts, the unit of lookup. */
export class Candidate<C extends string = string, P = unknown> {
  readonly compiled: Compiled<C, P>;
  readonly match: RouteMatch;
  /** `undefined` for any. */
  readonly host: string | undefined;
  /** Matches the path if it is neither exact nor a prefix. */
  readonly pattern: LinearRegex | PathPattern | undefined;
  /** The same if it has parameters. */
  readonly params: PathPattern | undefined;
  readonly headers: readonly FieldPredicate[];
  readonly query: readonly FieldPredicate[];
  readonly action: RouteAction;
  /** Whether it matches a path by its beginning, even within a segment. */
  readonly isText: boolean;
  /** Index in the list of all candidates, as given. */
  readonly position: number;
  /** Result of `RouteTable.find`. */
  readonly found: { readonly route: Route<C, P>; readonly match: RouteMatch };
  readonly #methods: readonly string[] | undefined;
  readonly #hasFields: boolean;

  /** @param host In the form in which hosts are compared. */
  constructor(compiled: Compiled<C, P>, match: RouteMatch, host: string | undefined, position: number) {
    this.position = position;
    this.compiled = compiled;
    this.match = match;
    this.isText = match.path !== undefined && "startsWith" in match.path;
    this.host = host;
    const { path } = match;
    this.params = path !== undefined && "pattern" in path ? new PathPattern(path.pattern) : undefined;
    this.pattern = path !== undefined && "regex" in path ? new LinearRegex(path.regex) : this.params;
    this.headers = (match.headers ?? []).map(fieldPredicate);
    this.query = (match.query ?? []).map(fieldPredicate);
    this.action = routeAction(compiled.route, match);
    this.found = { route: compiled.route, match };
    this.#methods = match.methods;
    this.#hasFields = this.headers.length + this.query.length > 0;
  }

  /** Literal text that the path must start with, as in the tree. A prefix of segments has no trailing slash. */
  get text(): string {
    const { path } = this.match;
    if (path === undefined) return "";
    if ("exact" in path) return path.exact;
    if ("startsWith" in path) return path.startsWith;
    return "prefix" in path ? withoutSlash(path.prefix) : (this.pattern as LinearRegex | PathPattern).literal;
  }

  /**
   * Whether it applies to CONNECT, which cannot be redirected, and for which a 2xx would open a
   * tunnel to nowhere.
   */
  get takesConnect(): boolean {
    const { redirect, respond } = this.compiled.route;
    return this.match.path === undefined && redirect === undefined && !((respond?.status ?? 300) < 300);
  }

  /** Whether everything but host and path matches. */
  accepts(request: HttpRequest): boolean {
    return (
      (this.#methods === undefined || this.#methods.includes(request.method)) &&
      (!this.#hasFields || this.acceptsFields(request))
    );
  }

  /** Whether everything but host, path and method matches. */
  acceptsFields({ headers, query }: HttpRequest): boolean {
    return (
      this.headers.every(({ match, accepts }) => accepts(headerValue(headers, match.name))) &&
      this.query.every(({ match, accepts }) => accepts(queryValue(query, match.name)))
    );
  }
}

/** Which of several matching routes wins. */
export type RouteOrder = "specific" | "first";

/** Whether hosts are compared with the port that the client wrote. */
export type HostPorts = "ignore" | "match";

/** Returns the host of an authority in the form in which hosts are compared. */
export function comparedHost(authority: string, ports: HostPorts): string {
  return ports === "ignore" ? hostOf(authority) : authority.toLowerCase();
}

/** Creates the candidates of all matches of routes. */
export function candidatesOf<C extends string, P>(
  routes: readonly Compiled<C, P>[],
  ports: HostPorts,
): readonly Candidate<C, P>[] {
  let position = 0;
  return routes.flatMap((compiled) =>
    matchesOf(compiled.route).flatMap((match) =>
      (match.hosts ?? [undefined]).map(
        (host) => new Candidate(compiled, match, host && comparedHost(host, ports), position++),
      ),
    ),
  );
}

/**
 * Compares candidates by precedence. `specific` is the Gateway API's order for HTTPRoute: more
 * specific hosts, then paths, then a method, then more header fields, then more query parameters.
 * `first` is Envoy's: more specific hosts, as of its virtual hosts. Equal ones keep their order.
 */
export function byPrecedence(order: RouteOrder): (a: Candidate, b: Candidate) => number {
  return (a, b) => {
    for (const [, rank] of ranks[order]) {
      const difference = compare(rank(b), rank(a));
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

/** Returns the rule by which the first takes precedence over the second. */
export function precedence(order: RouteOrder, a: Candidate, b: Candidate): Precedence {
  return ranks[order].find(([, rank]) => rank(a) !== rank(b))?.[0] ?? "order";
}

/**
 * The rule that decides between two matches: the first by which they differ, otherwise their order.
 */
export type Precedence = "host" | "path" | "methods" | "headers" | "query" | "order";

type Rank = readonly [by: Precedence, rank: (candidate: Candidate) => number];

const specific: readonly Rank[] = [
  ["host", hostRank],
  ["path", kindRank],
  ["path", ({ text }) => text.length],
  ["path", ({ params, text }) => params?.literalLength ?? text.length],
  ["methods", ({ match }) => Number(match.methods !== undefined)],
  ["headers", ({ headers }) => headers.length],
  ["query", ({ query }) => query.length],
];

const ranks: Readonly<Record<RouteOrder, readonly Rank[]>> = { specific, first: [["host", hostRank]] };

/** Longer than any host. */
const longHost = 1_000;

/**
 * Exact hosts before wildcards, those at the beginning before those at the end, longer wildcards
 * before shorter ones.
 */
function hostRank({ host }: Candidate): number {
  if (host === undefined) return 0;
  if (host.startsWith("*")) return longHost + host.length;
  return host.endsWith(".*") ? host.length : Infinity;
}

/**
 * The Gateway API does not rank patterns and regular expressions. They match the whole path, like exact paths and unlike
 * prefixes.
 */
function kindRank({ match: { path } }: Candidate): number {
  if (path === undefined || "prefix" in path || "startsWith" in path) return 0;
  return "exact" in path ? 2 : 1;
}

/** Infinity minus itself is NaN. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
