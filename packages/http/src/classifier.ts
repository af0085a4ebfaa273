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
 * `responseClassifier` for `HttpResponse`: what layers use by default, with other statuses, or with predicates that see
 * the whole response. 5xx is a failure, of which 502, 503 and 504 may succeed when they are tried again; 429 asks for
 * fewer calls; all others are a success.
 *
 * @example httpClassifier({ failures: ({ status, headers }) => status >= 500 || headers.has("x-failed") })
 *
 * @throws RangeError when an option names a number that is no HTTP status.
 */
export function httpClassifier(options: ResponseClassifierOptions<HttpResponse> = {}): Classifier {
  return responseClassifier(options);
}

/**
 * Milliseconds that `Retry-After` asks to wait, given as seconds or as an HTTP date (RFC 9110, 10.2.3); 0 for a date
 * that is past. `undefined` where the field is absent or says neither.
 */
export function retryAfterMs(headers: HttpHeaders, clock: Clock = systemClock): number | undefined {
  return parseRetryAfter(headers.get("retry-after"), clock);
}
