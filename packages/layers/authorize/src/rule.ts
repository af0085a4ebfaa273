import type { FromClient } from "@pagoda/http";

/** Who asks. All that is given must be true; of a list one entry is enough. */
export interface From {
  /** `spiffe://mesh/ns/shop/sa/cart`, or with a `*` first or last for any beginning or end; `*`: any identity at all. */
  readonly identities?: readonly string[];
  /** IPv4 and IPv6 addresses, and ranges of them such as `10.0.0.0/8`. */
  readonly addresses?: readonly string[];
}

/** What is asked for. All that is given must be true; of a list one entry is enough. */
export interface To {
  /** As on the wire: `GET`. It does not stand for `HEAD`. */
  readonly methods?: readonly string[];
  /** `/cart`, or `/api/*` for `/api` and all below it; percent-encoded, without query. */
  readonly paths?: readonly string[];
  /** `shop.example`, or `*.example` for one label or more before it. Without port. */
  readonly hosts?: readonly string[];
}

/** What is asked for, where a router has said which route it is. */
export interface RoutedTo extends To {
  /** Names of routes. */
  readonly routes?: readonly string[];
}

/**
 * Allows or denies the requests that all of it is true of; what is not given is true of all.
 *
 * @typeParam T `To`: the rule names no routes, so that it can stand outside of a router.
 */
export interface Rule<T extends To = RoutedTo> {
  /** Says which one in faults, metrics and logs; no other rule has it, and it is neither `otherwise` nor `unreadable`. */
  readonly name: string;
  readonly effect: "allow" | "deny";
  readonly from?: From;
  readonly to?: T;
}

/** What a request carries inside a router, as far as rules see it. */
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

/** What rules may ask of a client, by the option that gives it instead. */
interface Asked {
  readonly address: "addresses";
  readonly identity: "identities";
}

/** The options that are there, and not `undefined`. */
type Present<Given> = { [K in keyof Given]: undefined extends Given[K] ? never : K }[keyof Given];

type NamesClient<R, Given> = R extends { readonly from?: infer F }
  ? "from" extends keyof R
    ? Extract<keyof NonNullable<F>, Asked[Exclude<keyof Asked, Present<Given>>]> extends never
      ? false
      : true
    : false
  : false;

/**
 * What rules need of a request: a route where one of them may name routes, and who asks where one of them may name
 * identities or addresses, unless an option says it.
 */
export type NeedsOf<R, Given = unknown> = (true extends NamesRoutes<R> ? OnRoute : unknown) &
  (true extends NamesClient<R, Given> ? FromClient : unknown);
