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
export type PathMatch =
  | { readonly exact: string }
  /** Matches whole segments: `/api` matches `/api`, `/api/` and `/api/x`, not `/apiary`. */
  | { readonly prefix: string }
  /** A `LinearRegex` for the whole path. */
  | { readonly regex: string };

/** Conditions on a request, all of which must match. */
export interface RouteMatch {
  /**
   * `shop.example`, or `*.example` for one or more labels before it. Without port. Default: any.
   */
  readonly hosts?: readonly string[];
  /** Default: any. `OPTIONS *` and CONNECT, which has no path, match only without it. */
  readonly path?: PathMatch;
  /** Upper case: `GET`, which does not include `HEAD`. Default: any. */
  readonly methods?: readonly string[];
  /** Repeated fields are joined with commas (RFC 9110, section 5.3). */
  readonly headers?: readonly FieldMatch[];
  /** Decoded, with `+` as space. Of a repeated parameter the first value counts. */
  readonly query?: readonly FieldMatch[];
}

/** A share of a route's calls. */
export interface Share<C extends string = string> {
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
  /** Replaces the matched prefix. */
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
  /** Replaces the matched prefix. */
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

interface AnyRoute<P> {
  /** Identifies the route in metrics and logs. Unique in the table. */
  readonly name: string;
  /** Conditions on the request. With a list, any of them must match. Default: all requests. */
  readonly match?: RouteMatch | readonly RouteMatch[];
  /** User-defined data for per-route layers. */
  readonly policy?: P;
  /** Edits the response to the client. */
  readonly responseHeaders?: HeaderEdits;
}

interface Forwarding<P> extends AnyRoute<P> {
  readonly rewrite?: Rewrite;
  /** Edits the forwarded request. */
  readonly requestHeaders?: HeaderEdits;
  readonly redirect?: never;
  readonly respond?: never;
}

interface Answering<P> extends AnyRoute<P> {
  readonly cluster?: never;
  readonly clusters?: never;
  readonly rewrite?: never;
  readonly requestHeaders?: never;
}

/** Forwards to one cluster. */
export interface ClusterRoute<C extends string = string, P = unknown> extends Forwarding<P> {
  readonly cluster: C;
  readonly clusters?: never;
}

/** Forwards to several clusters by weight, for example for a canary. */
export interface SplitRoute<C extends string = string, P = unknown> extends Forwarding<P> {
  readonly cluster?: never;
  readonly clusters: readonly Share<C>[];
}

export interface RedirectRoute<P = unknown> extends Answering<P> {
  readonly redirect: Redirect;
  readonly respond?: never;
}

export interface RespondRoute<P = unknown> extends Answering<P> {
  readonly redirect?: never;
  readonly respond: DirectResponse;
}

/**
 * Which requests match, and what happens to them: they are forwarded to a cluster or split among
 * several, redirected, or answered.
 *
 * @typeParam C Names of clusters.
 * @typeParam P Type of the policy.
 */
export type Route<C extends string = string, P = unknown> =
  | ClusterRoute<C, P>
  | SplitRoute<C, P>
  | RedirectRoute<P>
  | RespondRoute<P>;

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

/** Returns the matches of a route as a list. */
export function matchesOf({ match }: { readonly match?: Route["match"] }): readonly RouteMatch[] {
  if (match === undefined) return [{}];
  return Array.isArray(match) ? (match as readonly RouteMatch[]) : [match as RouteMatch];
}
