import { type Either, isLeft } from "./either.ts";
import { isFault } from "./fault.ts";

/** What a result says about the upstream: circuit breakers, limits and balancers learn from it. */
export interface Outcome {
  /**
   * - `success`: the upstream did its work.
   * - `failure`: it did not, and its health may count this.
   * - `limited`: it is healthy but asks for fewer calls. Counts against a success rate, but not as
   *   one of several consecutive failures.
   * - `neutral`: says nothing about the upstream, such as a local refusal or an abort.
   */
  readonly kind: "success" | "failure" | "limited" | "neutral";
  /** The same call may succeed if it is made again. */
  readonly retryable: boolean;
  /** Milliseconds to wait before trying again, if the upstream said so. */
  readonly retryAfterMs?: number | undefined;
  /**
   * The call was given up because a time limit further out had passed, such as that of a timeout. The
   * limit may be for more than this call, so it is `neutral`, but an operator wants to know.
   */
  readonly timedOut?: true | undefined;
}

/**
 * Turns results into outcomes, and frees responses that nobody will read. Both depend on the
 * protocol: the default, `defaultClassifier()`, knows HTTP responses.
 */
export interface Classifier {
  outcome(result: Either<unknown, unknown>): Outcome;
  /**
   * Follows a response that is a success so far to its end: `ended` runs once, when the response
   * has ended or its rest is no longer wanted. Returns false when its outcome can no longer change.
   * Absent if responses are complete when they arrive.
   */
  follow?(response: unknown, ended: (outcome: Outcome) => void): boolean;
  /**
   * Frees what a response holds, such as its connection. Layers call it for each response that they
   * drop.
   */
  discard(response: unknown): void;
}

export const success: Outcome = { kind: "success", retryable: false };
export const failure: Outcome = { kind: "failure", retryable: false };
export const failureRetryable: Outcome = { kind: "failure", retryable: true };
export const limitedRetryable: Outcome = { kind: "limited", retryable: true };
const neutral: Outcome = { kind: "neutral", retryable: false };
const neutralTimedOut: Outcome = { kind: "neutral", retryable: false, timedOut: true };
const neutralRetryable: Outcome = { kind: "neutral", retryable: true };

/**
 * Returns an error's outcome by its origin and whether it is retryable. An error that is not a
 * fault is a failure.
 */
export function outcomeOfError(error: unknown): Outcome {
  if (!isFault(error)) return failure;
  const { origin, retryable, retryAfterMs } = error;
  if (retryAfterMs !== undefined) {
    return { kind: origin === "upstream" ? "failure" : "neutral", retryable, retryAfterMs };
  }
  if (origin === "upstream") return retryable ? failureRetryable : failure;
  if (error._tag === "Aborted" && isTimeout(error.cause)) return neutralTimedOut;
  return retryable ? neutralRetryable : neutral;
}

/** Whether it is what `timeoutError` and `AbortSignal.timeout` abort with. */
function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/**
 * For stacks without HTTP: every response is a success and holds no resources; errors are judged by
 * their fault.
 */
export const faultClassifier: Classifier = {
  outcome: (result) => (isLeft(result) ? outcomeOfError(result.left) : success),
  discard() {},
};
