import type { FromClient } from "@pagoda/http";

/** The client. All fields must match; a list matches if one of its entries does. */
export interface From {
  /**
   * Identities such as `spiffe://mesh/ns/shop/sa/cart`. A `*` first or last matches any prefix or
   * suffix.
   */
  readonly identities?: readonly string[];
  /** IPv4 and IPv6 addresses and ranges such as `10.0.0.0/8`. */
  readonly addresses?: readonly string[];
}

/** The request. All fields must match; a list matches if one of its entries does. */
export interface To {
  /** As on the wire: `GET`, which does not include `HEAD`. */
  readonly methods?: readonly string[];
  /** `/cart`, or `/api/*` for `/api` and everything below it; percent-encoded, without query. */
  readonly paths?: readonly string[];
  /** `shop.example`, or `*.example` for one or more labels. Without port. */
  readonly hosts?: readonly string[];
}

/** The request inside a router. */
export interface RoutedTo extends To {
  /** Names of routes. */
  readonly routes?: readonly string[];
}

/**
 * Allows or denies the requests that match all of its fields. An absent field matches every
 * request.
 *
 * @typeParam T `To` for a rule that names no routes and so compiles outside a router.
 */
export interface Rule<T extends To = RoutedTo> {
  /** Identifies the rule in faults, metrics and logs. Unique; not `otherwise` or `unreadable`. */
  readonly name: string;
  readonly effect: "allow" | "deny";
  readonly from?: From;
  readonly to?: T;
}

/** The part of a routed request that rules read. */
export interface OnRoute {
  readonly route: { readonly name: string };
}

type NamesRoutes<R> = R extends { readonly to?: infer T }
  ? "to" extends keyof R
    ? "routes" extends keyof NonNullable<T>
      ? true
      : false
    : false
  : false;

/** The fields of a rule that require a `client`, by the option that replaces it. */
interface Asked {
  readonly address: "addresses";
  readonly identity: "identities";
}

/** The options that are present and not `undefined`. */
type Present<Given> = { [K in keyof Given]: undefined extends Given[K] ? never : K }[keyof Given];

type NamesClient<R, Given> = R extends { readonly from?: infer F }
  ? "from" extends keyof R
    ? Extract<keyof NonNullable<F>, Asked[Exclude<keyof Asked, Present<Given>>]> extends never
      ? false
      : true
    : false
  : false;

/**
 * What rules require of a request: a route if one of them may name routes, and a client if one of
 * them may name identities or addresses, unless an option provides these.
 */
export type NeedsOf<R, Given = unknown> = (true extends NamesRoutes<R> ? OnRoute : unknown) &
  (true extends NamesClient<R, Given> ? FromClient : unknown);
