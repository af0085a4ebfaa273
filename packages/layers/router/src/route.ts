/** What a field must be. Exactly one of these. */
export type FieldTest =
  | { readonly exact: string }
  | { readonly contains: string }
  /** A `LinearRegex` for the whole value. */
  | { readonly regex: string }
  | { readonly present: true }
  | { readonly absent: true };

/** A header field, whose name has no case, or a query parameter, whose name has. */
export type FieldMatch = { readonly name: string } & FieldTest;

/** Exactly one of these. */
export type PathMatch =
  | { readonly exact: string }
  /** Up to the end of a segment: `/api` matches `/api`, `/api/` and `/api/x`, not `/apiary`. */
  | { readonly prefix: string }
  /** A `LinearRegex` for the whole path. */
  | { readonly regex: string };

/** Which requests: those that all of this is true of. */
export interface RouteMatch {
  /** `shop.example`, or `*.example` for one label or more before it. Without port. Default: any. */
  readonly hosts?: readonly string[];
  /** Default: any. `*`, as in `OPTIONS *`, and CONNECT, which has no path, are matched only without this. */
  readonly path?: PathMatch;
  /** As on the wire: `GET`. It does not stand for `HEAD`. Default: any. */
  readonly methods?: readonly string[];
  /** A field that comes several times is matched as one, with commas between (RFC 9110, 5.3). */
  readonly headers?: readonly FieldMatch[];
  /** Decoded, `+` as space. Of a parameter that comes several times the first one. */
  readonly query?: readonly FieldMatch[];
}

/** A share of a route's calls. */
export interface Share<C extends string = string> {
  readonly cluster: C;
  /** Over 0; compared with those of the route's other shares. */
  readonly weight: number;
}

/** Sends the client elsewhere. What is not given stays as it was asked. */
export interface Redirect {
  /** Default 302. */
  readonly status?: 301 | 302 | 303 | 307 | 308;
  readonly scheme?: "http" | "https";
  readonly host?: string;
  /** Default: the request's; the scheme's own where scheme or host is given. */
  readonly port?: number;
  /** The whole path. */
  readonly path?: string;
  /** What takes the place of the prefix that matched. */
  readonly prefix?: string;
  /** Leaves the query out. Default false. */
  readonly stripQuery?: boolean;
}

/** Answers by itself. */
export interface DirectResponse {
  /** 200 to 599. */
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends on elsewhere than asked. At most one of `path`, `prefix` and `regex`. */
export interface Rewrite {
  readonly host?: string;
  /** The whole path. */
  readonly path?: string;
  /** What takes the place of the prefix that matched. */
  readonly prefix?: string;
  /** Where the pattern matches the whole path: `$1` or `$<name>` for what a group matched, `$$` for a dollar. */
  readonly regex?: { readonly pattern: string; readonly substitution: string };
}

/** Changes to the fields of a message: first `remove`, then `set`, then `add`. */
export interface HeaderEdits {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

interface AnyRoute<P> {
  /** Says which one in metrics and logs; no other route of the table has it. */
  readonly name: string;
  /** Which requests; of several, those that any of them is true of. Default: all. */
  readonly match?: RouteMatch | readonly RouteMatch[];
  /** The user's own: what layers for each route are made by. */
  readonly policy?: P;
  /** Changes what the client gets. */
  readonly responseHeaders?: HeaderEdits;
}

interface Forwarding<P> extends AnyRoute<P> {
  readonly rewrite?: Rewrite;
  /** Changes what is sent on. */
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

/** Sends on to one cluster. */
export interface ClusterRoute<C extends string = string, P = unknown> extends Forwarding<P> {
  readonly cluster: C;
  readonly clusters?: never;
}

/** Sends on to several clusters, each its share: a canary. */
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
 * Which requests, and what is done with them: sent to a cluster or split among several, redirected, or answered.
 *
 * @typeParam C The clusters that it may name.
 * @typeParam P Its policy.
 */
export type Route<C extends string = string, P = unknown> =
  | ClusterRoute<C, P>
  | SplitRoute<C, P>
  | RedirectRoute<P>
  | RespondRoute<P>;

/** What a router has chosen for a request. The same object for each request of a route and a cluster. */
export interface SelectedRoute<C extends string = string, P = unknown> {
  readonly name: string;
  readonly cluster: C;
  readonly policy: P | undefined;
}

/** What a request carries inside a router. */
export interface Routed<C extends string = string, P = unknown> {
  readonly route: SelectedRoute<C, P>;
}

/** The matches of a route, as a list. */
export function matchesOf({ match }: { readonly match?: Route["match"] }): readonly RouteMatch[] {
  if (match === undefined) return [{}];
  return Array.isArray(match) ? (match as readonly RouteMatch[]) : [match as RouteMatch];
}
