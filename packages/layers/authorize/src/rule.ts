import type { ClaimPath, FromClient, WithClaims } from "@pagoda/http";

/** The client. All fields must match; a list matches if one of its entries does. */
export interface From {
  /**
   * Identities such as `spiffe://mesh/ns/shop/sa/cart`. A `*` first or last matches any prefix or
   * suffix.
   */
  readonly identities?: readonly string[];
  /** IPv4 and IPv6 addresses and ranges such as `10.0.0.0/8`. */
  readonly addresses?: readonly string[];
  /** Claims of a verified token, all of which must match. */
  readonly claims?: readonly ClaimRule[];
}

/** What a claim must be: exactly one of `equals` and `contains`. */
export interface ClaimRule {
  readonly claim: ClaimPath;
  /** Its value is one of these. */
  readonly equals?: readonly (string | number | boolean)[];
  /**
   * It is a list with one of these, such as `groups`, or a text with one of them as a word, such as
   * `scope`.
   */
  readonly contains?: readonly string[];
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

type KeysOf<T> = T extends unknown ? keyof T : never;

/** The fields that rules may have in a part. A rule without it has none. */
type FieldsOf<R, Part extends "from" | "to"> = R extends { readonly [P in Part]?: infer F }
  ? Part extends keyof R
    ? KeysOf<NonNullable<F>>
    : never
  : never;

/** The fields of a rule that require a `client`, by the option that replaces it. */
interface Asked {
  readonly address: "addresses";
  readonly identity: "identities";
}

/** The options that are present and not `undefined`. */
type Present<Given> = { [K in keyof Given]: undefined extends Given[K] ? never : K }[keyof Given];

/**
 * What rules require of a request: a route if one of them may name routes, a client if one of them
 * may name identities or addresses, and claims if one of them may name these, unless an option
 * provides them.
 */
export type NeedsOf<R, Given = unknown> = ("routes" extends FieldsOf<R, "to"> ? OnRoute : unknown) &
  (Extract<FieldsOf<R, "from">, Asked[Exclude<keyof Asked, Present<Given>>]> extends never
    ? unknown
    : FromClient) &
  ("claims" extends Exclude<FieldsOf<R, "from">, Present<Given>> ? WithClaims : unknown);
