import type { Denied } from "./denied.ts";
import type { Rule } from "./rule.ts";

/** Callbacks for metrics and logs. Must not throw. */
export interface AuthorizeObserver<in Req = unknown> {
  /** A request was denied. */
  readonly denied?: (fault: Denied, request: Req) => void;
}

/**
 * Options of {@link authorize}.
 *
 * @typeParam Req The request at the layer's place in the stack.
 * @typeParam R The rules; those that name routes require an outer router.
 */
export interface AuthorizeOptions<Req, R extends Rule = Rule> {
  /** In any order: `deny` takes precedence over `allow`. */
  readonly rules: readonly R[];
  /** Decision if no rule matches. Default: `deny` if any rule allows, else `allow`. */
  readonly otherwise?: "allow" | "deny" | undefined;
  /**
   * Returns the client's identity. Default: that of the request's `client`, which is then required.
   */
  readonly identity?: ((request: Req) => string | undefined) | undefined;
  /**
   * Returns the client's IP address. Default: that of the request's `client`, which is then
   * required.
   */
  readonly address?: ((request: Req) => string | undefined) | undefined;
  /**
   * Returns the claims of the request's verified token, if it has one. Default: the request's
   * `claims`, which is then required.
   */
  readonly claims?: ((request: Req) => object | undefined) | undefined;
  readonly observer?: AuthorizeObserver<Req>;
}
