import type { Fault } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";

/** The authorization server refused the request. Its response goes to the client, with this fault. */
export interface AuthorizationRefused extends Fault<"AuthorizationRefused"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly status: number;
}

/**
 * The authorization server did not answer, so the request was not allowed. Answer 503: the client has
 * done nothing wrong.
 */
export interface AuthorizationUnavailable extends Fault<"AuthorizationUnavailable"> {
  readonly origin: "local";
  readonly retryable: true;
  /**
   * `failed`: it could not be called, or its answer could not be read. `timeout`: it took too long.
   * `status`: it answered 5xx or a gRPC error. `invalid`: it allows the request, but with changes
   * that cannot be made, so that the request does not pass even with `failOpen`.
   */
  readonly reason: "failed" | "timeout" | "status" | "invalid";
}

/** Receives events, for metrics and logs. Must not throw. */
export interface ExtAuthzObserver<in Req extends HttpRequest = HttpRequest> {
  readonly allowed?: (request: Req) => void;
  readonly refused?: (fault: AuthorizationRefused, request: Req) => void;
  /** The server did not answer. The request passes if `failOpen` is set. */
  readonly unavailable?: (fault: AuthorizationUnavailable, request: Req) => void;
  /** How long the server took for any of these, in milliseconds. */
  readonly answered?: (result: "allowed" | "refused" | "unavailable", durationMs: number) => void;
}
