import { type Clock, systemClock } from "./clock.ts";
import { isLeft } from "./either.ts";
import { faultOf } from "./fault.ts";
import { discardResponse, isHttp } from "./http-response.ts";
import {
  type Classifier,
  failure,
  failureRetryable,
  limitedRetryable,
  type Outcome,
  outcomeOfError,
  success,
} from "./outcome.ts";
import { withRetryAfter } from "./retry-after.ts";

/**
 * The default classifier of all layers. Errors are judged by their fault. An HTTP response is
 * judged by its status, or by the error that it was made from (`fault`), and `Retry-After` is
 * honoured: 500 and above is a failure, 429 asks for fewer calls, and 429, 502, 503 and 504 are
 * retryable. Any other response is a success. A body that breaks off turns its response into a
 * failure. `discard` cancels the body of an HTTP response, which frees its connection.
 *
 * For other statuses or responses use `responseClassifier`. It is a function of its own so that
 * programs without such options do not load what they need.
 *
 * Cost: about 20 ns for a result that is not retryable.
 *
 * Source: linkerd's classification. The retryable statuses are Envoy's `gateway-error` and 429.
 *
 * @param clock Provides the time of day for a `Retry-After` that is a date.
 */
export function defaultClassifier(clock: Clock = systemClock): Classifier {
  return {
    outcome(result) {
      const fault = faultOf(result);
      if (fault !== undefined) return outcomeOfError(fault);
      if (isLeft(result)) return outcomeOfError(result.left);
      const response = result.right;
      if (!isHttp(response)) return success;
      const { status } = response;
      if (status === 429) return withRetryAfter(limitedRetryable, response, clock);
      if (status < 500) return success;
      return status >= 502 && status <= 504 ? withRetryAfter(failureRetryable, response, clock) : failure;
    },
    follow: followBody,
    discard: discardResponse,
  };
}

function followBody(response: unknown, ended: (outcome: Outcome) => void): boolean {
  const body = isHttp(response) ? response.body : undefined;
  if (!isObservable(body) || body.isWhole) return false;
  // A reader that cancels the rest has seen nothing wrong with it.
  body.observe((_complete, _trailers, fault) => ended(fault === undefined ? success : outcomeOfError(fault)));
  return true;
}

/** A body of `@pagoda/http`: others do not report how they end. */
interface Observable {
  readonly isWhole: boolean;
  observe(observer: (complete: boolean, trailers?: unknown, fault?: unknown) => void): void;
}

function isObservable(body: unknown): body is Observable {
  const { isWhole, observe } = (body ?? {}) as { readonly isWhole?: unknown; readonly observe?: unknown };
  return typeof isWhole === "boolean" && typeof observe === "function";
}
