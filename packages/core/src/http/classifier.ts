import { isLeft } from "fp-ts/lib/Either.js";
import { type Clock, systemClock } from "../clock.ts";
import { type Classifier, type Outcome, outcomeOfError } from "../outcome.ts";
import type { HttpHeaders } from "./headers.ts";
import type { HttpResponse } from "./message.ts";

const success: Outcome = { kind: "success", retryable: false };
const failure: Outcome = { kind: "failure", retryable: false };

/**
 * What HTTP responses say: 5xx is a failure, of which 502, 503 and 504 may succeed when they are tried again; 429 asks
 * for fewer calls; all others are a success. `Retry-After` is heeded. A response that stands for an error says what
 * the error says. A response that is dropped has its body cancelled, which frees the connection.
 *
 * Source: linkerd's classification; the retryable ones are Envoy's `gateway-error`.
 *
 * @param clock Where the time of day comes from, for a `Retry-After` that is a date.
 */
export function httpClassifier(clock: Clock = systemClock): Classifier {
  return {
    outcome(result) {
      if (isLeft(result)) return outcomeOfError(result.left);
      const { status, headers, fault } = result.right as HttpResponse;
      if (fault !== undefined) return outcomeOfError(fault);
      if (status < 500 && status !== 429) return success;
      const retryable = status === 429 || (status >= 502 && status <= 504);
      if (!retryable) return failure;
      return {
        kind: status === 429 ? "limited" : "failure",
        retryable,
        retryAfterMs: retryAfterMs(headers, clock),
      };
    },
    discard: (response) => (response as HttpResponse).body.cancel(),
  };
}

/**
 * Milliseconds that `Retry-After` asks to wait, given as seconds or as an HTTP date (RFC 9110, 10.2.3); 0 for a date
 * that is past. `undefined` where the field is absent or says neither.
 */
export function retryAfterMs(headers: HttpHeaders, clock: Clock = systemClock): number | undefined {
  const value = headers.get("retry-after");
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // All three forms of an HTTP date begin with the name of a day, and nothing else that Date.parse takes is meant.
  const at = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.wallTime());
}
