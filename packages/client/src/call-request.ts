import type { HttpRequest } from "@pagoda/http";

/** A request with the settings of this one call. Those that are absent are the client's. */
export interface CallRequest extends HttpRequest {
  /** Limit for all attempts together, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /**
   * `false`: one attempt. `true`: retries the request whatever its method. Default: retries
   * idempotent methods, and any with an `Idempotency-Key`.
   */
  readonly retry?: boolean | undefined;
  /**
   * Reads the whole response body before the call is answered, up to this many bytes. Default: the
   * response is answered with its headers, and its body streams.
   */
  readonly maxBytes?: number | undefined;
}
