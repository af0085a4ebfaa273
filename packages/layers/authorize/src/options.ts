import type { Denied } from "./denied.ts";
import type { Rule } from "./rule.ts";

/** Told what happens, for metrics and logs. Must not throw. */
export interface AuthorizeObserver<in Req = unknown> {
  /** A request was denied. */
  readonly denied?: (fault: Denied, request: Req) => void;
}

/**
 * @typeParam Req The request where the layer stands.
 * @typeParam R The rules; those that name routes need a router further out.
 */
export interface AuthorizeOptions<Req, R extends Rule = Rule> {
  /** In any order: one that denies wins over all that allow. */
  readonly rules: readonly R[];
  /** What becomes of a request that no rule matches. Default: `deny` where a rule allows something, else `allow`. */
  readonly otherwise?: "allow" | "deny" | undefined;
  /** The client's identity. Default: that of the request's `client`, which is then required. */
  readonly identity?: ((request: Req) => string | undefined) | undefined;
  /** The client's IP address. Default: that of the request's `client`, which is then required. */
  readonly address?: ((request: Req) => string | undefined) | undefined;
  readonly observer?: AuthorizeObserver<Req>;
}
