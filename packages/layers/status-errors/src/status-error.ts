import type { Fault } from "@pagoda/core";
import type { Body, HttpHeaders } from "@pagoda/http";

/**
 * A response with an error status. Its origin is `upstream` if the classifier counts it against the
 * upstream (5xx, 429), otherwise `local`: a 404 says nothing about the upstream's health.
 */
export interface StatusError extends Fault<"StatusError"> {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The beginning of the response body, in memory. It can be read more than once. */
  readonly body: Body;
  /** Whether `body` is incomplete: the response body exceeded the limit or broke off. */
  readonly isBodyCut: boolean;
}
