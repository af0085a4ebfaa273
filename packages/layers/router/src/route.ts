import type { FromPath } from "./path-params.ts";

/** Condition on a field. Exactly one of these. */
export type FieldTest =
  | { readonly exact: string }
  | { readonly contains: string }
  /** A `LinearRegex` for the whole value. */
  | { readonly regex: string }
  | { readonly present: true }
  | { readonly absent: true };

/**
 * Condition on a header field (name case-insensitive) or a query parameter (name case-sensitive).
 */
export type FieldMatch = { readonly name: string } & FieldTest;

/** Condition on the path. Exactly one of these. */
export type PathMatch<Pattern = string> =
  | { readonly exact: string }
  /** Matches whole segments: `/api` matches `/api`, `/api/` and `/api/x`, not `/apiary`. */
  | { readonly prefix: string }
  /** Matches any text: `/api` matches `/api`, `/api/x` and `/apiary`. */
  | { readonly startsWith: string }
  /**
   * For the whole path, with parameters for whole segments: `/users/:id`. The router adds
   * `request.params` with their decoded values. A parameter matches one segment, which must not be
   * empty or contain escapes that are not UTF-8; its value may contain `/` (from `%2F`).
   */
  | { readonly pattern: Pattern }
  /** A `LinearRegex` for the whole path. */
  | { readonly regex: string };

/** Conditions on a request, all of which must match. */
export interface RouteMatch<Pattern = string> {
  /**
   * `shop.example`, `*.example` for one or more labels before it, or `shop.*` for one or more after
   * it. Without port, unless the table has `hostPorts: "match"`. Default: any.
   */
  readonly hosts?: readonly string[];
  /** Default: any. `OPTIONS *` and CONNECT, which has no path, match only without it. */
  readonly path?: PathMatch<Pattern>;
  /** Upper case: `GET`, which does not include `HEAD`. Default: any. */
  readonly methods?: readonly string[];
  /** Repeated fields are joined with commas (RFC 9110, section 5.3). */
  readonly headers?: readonly FieldMatch[];
  /** Decoded, with `+` as space. Of a repeated parameter the first value counts. */
  readonly query?: readonly FieldMatch[];
}

/** A share of a route's calls. */
export interface Share<C = string> {
  readonly cluster: C;
  /** Over 0, relative to the other weights of the route. */
  readonly weight: number;
}

/** Redirects the client. Parts not given are those of the request. */
export interface Redirect {
  /** Default 302. */
  readonly status?: 301 | 302 | 303 | 307 | 308;
  readonly scheme?: "http" | "https";
  readonly host?: string;
  /** Default: the request's port, or the scheme's default if scheme or host is given. */
  readonly port?: number;
  /** The whole path. */
  readonly path?: string;
  /** Replaces the matched prefix; after `startsWith` the text as it is. */
  readonly prefix?: string;
  /** Removes the query. Default false. */
  readonly stripQuery?: boolean;
}

/** Responds directly. */
export interface DirectResponse {
  /** 200 to 599. */
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Changes host or path of the forwarded request. At most one of `path`, `prefix` and `regex`. */
export interface Rewrite {
  readonly host?: string;
  /** The whole path. */
  readonly path?: string;
  /** Replaces the matched prefix; after `startsWith` the text as it is. */
  readonly prefix?: string;
  /**
   * Applied if the pattern matches the whole path. `$1` and `$<name>` insert groups, `$$` a dollar
   * sign.
   */
  readonly regex?: { readonly pattern: string; readonly substitution: string };
}

/** Edits of header fields: first `remove`, then `set`, then `add`. */
export interface HeaderEdits {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

interface AnyRoute<P, Pattern> {
  /** Identifies the route in metrics and logs. Unique in the table. */
  readonly name: string;
  /** Conditions on the request. With a list, any of them must match. Default: all requests. */
  readonly match?: RouteMatch<Pattern> | readonly RouteMatch<Pattern>[];
  /** User-defined data for per-route layers. */
  readonly policy?: P;
  /** Edits the response to the client. */
  readonly responseHeaders?: HeaderEdits;
}

interface Forwarding<P, Pattern> extends AnyRoute<P, Pattern> {
  readonly rewrite?: Rewrite;
  /** Edits the forwarded request. */
  readonly requestHeaders?: HeaderEdits;
  readonly redirect?: never;
  readonly respond?: never;
}

interface Answering<P, Pattern> extends AnyRoute<P, Pattern> {
  readonly cluster?: never;
  readonly clusters?: never;
  readonly rewrite?: never;
  readonly requestHeaders?: never;
}

/** Forwards to one cluster. */
export interface ClusterRoute<C = string, P = unknown, Pattern = string> extends Forwarding<P, Pattern> {
  readonly cluster: C;
  readonly clusters?: never;
}

/** Forwards to several clusters by weight, for example for a canary. */
export interface SplitRoute<C = string, P = unknown, Pattern = string> extends Forwarding<P, Pattern> {
  readonly cluster?: never;
  readonly clusters: readonly Share<C>[];
}

export interface RedirectRoute<P = unknown, Pattern = string> extends Answering<P, Pattern> {
  readonly redirect: Redirect;
  readonly respond?: never;
}

export interface RespondRoute<P = unknown, Pattern = string> extends Answering<P, Pattern> {
  readonly redirect?: never;
  readonly respond: DirectResponse;
}

/**
 * Which requests match, and what happens to them: they are forwarded to a cluster or split among
 * several, redirected, or answered.
 *
 * @typeParam C Names of clusters.
 * @typeParam P Type of the policy.
 * @typeParam Pattern Path patterns of its matches.
 */
export type Route<C = string, P = unknown, Pattern = string> =
  | ClusterRoute<C, P, Pattern>
  | SplitRoute<C, P, Pattern>
  | RedirectRoute<P, Pattern>
  | RespondRoute<P, Pattern>;

/**
 * The route selected for a request. All requests with the same route and cluster share one object.
 */
export interface SelectedRoute<C extends string = string, P = unknown> {
  readonly name: string;
  readonly cluster: C;
  readonly policy: P | undefined;
}

/** Added to requests by a router. */
export interface Routed<C extends string = string, P = unknown> {
  readonly route: SelectedRoute<C, P>;
}

/**
 * Routes as the compiler infers them: the clusters, the policy and the path patterns of all, and the
 * clusters and patterns of each one. Two tuples, because it cannot infer one of pairs.
 */
export type Routes<
  C,
  P,
  Pattern,
  Clusters extends readonly unknown[],
  Patterns extends readonly unknown[],
> = readonly Route<C, P, Pattern>[] & { readonly [N in keyof Clusters]: Route<Clusters[N]> } & {
  readonly [N in keyof Patterns]: Route<string, unknown, Patterns[N]>;
};

/**
 * What a router adds to requests. With path patterns, a type for each cluster and each pattern that
 * leads to it.
 */
export type RoutedBy<
  C extends string,
  P,
  Pattern,
  Clusters extends readonly unknown[],
  Patterns extends readonly unknown[],
> = [Known<Pattern>] extends [never]
  ? Routed<C, P>
  : {
      readonly [N in keyof Patterns]: RoutedTo<Clusters[N & keyof Clusters], P, Known<Patterns[N]>>;
    }[number];

/** The pattern if the compiler knows its text. Routes from a file have patterns of type `string`. */
type Known<Pattern> = Pattern extends string ? (string extends Pattern ? never : Pattern) : never;

/** For a route with several clusters or patterns, a type for each. */
type RoutedTo<C, P, Pattern extends string> = C extends string
  ? [Pattern] extends [never]
    ? Routed<C, P>
    : Pattern extends string
      ? Routed<C, P> & FromPath<Pattern>
      : never
  : never;

/** Returns the matches of a route as a list. */
export function matchesOf({ match }: { readonly match?: Route["match"] }): readonly RouteMatch[] {
  if (match === undefined) return [{}];
  return Array.isArray(match) ? (match as readonly RouteMatch[]) : [match as RouteMatch];
}
