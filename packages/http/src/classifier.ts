import {
  type Classifier,
  type Clock,
  parseRetryAfter,
  responseClassifier,
  type ResponseClassifierOptions,
  systemClock,
} from "@pagoda/core";
import type { HttpHeaders } from "./headers.ts";
import type { HttpResponse } from "./message.ts";

/**
 * `responseClassifier` for `HttpResponse`: the default classifier of all layers, with other statuses or
 * with predicates on the whole response. By default 5xx is a failure, 502, 503 and 504 are retryable,
 * 429 asks for fewer calls, and all other responses are a success.
 *
 * @example httpClassifier({ failures: ({ status, headers }) => status >= 500 || headers.has("x-failed") })
 *
 * @throws RangeError when an option contains a number that is not an HTTP status.
 */
export function httpClassifier(options: ResponseClassifierOptions<HttpResponse> = {}): Classifier {
  return responseClassifier(options);
}

/**
 * Returns the milliseconds that `Retry-After` asks to wait, given as seconds or as an HTTP date
 * (RFC 9110, 10.2.3).
 *
 * @returns 0 for a date in the past, `undefined` if the field is absent or malformed.
 */
export function retryAfterMs(headers: HttpHeaders, clock: Clock = systemClock): number | undefined {
  return parseRetryAfter(headers.get("retry-after"), clock);
}
