import type { Fault } from "@pagoda/core";

/**
 * Why a redirect was refused:
 *
 * - `location`: the `Location` is not a URL, or there are several different ones;
 * - `scheme`: it is neither http nor https;
 * - `downgrade`: it leads from https to http;
 * - `not-allowed`: the option `allow` returned false;
 * - `body`: the request's body has been read and cannot be read again.
 */
export type RefusalReason = "location" | "scheme" | "downgrade" | "not-allowed" | "body";

/** A redirect was not followed. The response that contained it has been discarded. */
export interface RedirectRefused extends Fault<"RedirectRefused"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly reason: RefusalReason;
  /** Status of the redirect. */
  readonly status: number;
  /**
   * The origin that it leads to, such as `https://a.example`, without the path and the query, which
   * may contain secrets. `undefined` for the reasons `location` and `scheme`.
   */
  readonly target?: string | undefined;
}

/** The response to the last permitted request is another redirect. It has been discarded. */
export interface TooManyRedirects extends Fault<"TooManyRedirects"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly maxRedirects: number;
}

export function redirectRefused(reason: RefusalReason, status: number, target?: URL): RedirectRefused {
  return {
    _tag: "RedirectRefused",
    origin: "local",
    retryable: false,
    reason,
    status,
    target: target?.origin,
  };
}
