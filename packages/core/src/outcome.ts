import { type Either, isLeft } from "fp-ts/lib/Either.js";
import { isFault } from "./fault.ts";

/** What a result says about the upstream: circuit breakers, limits and balancers learn from it. */
export interface Outcome {
  /**
   * - `success`: the upstream has done what it should;
   * - `failure`: it has not, and its health may count it;
   * - `limited`: it is well but asks for fewer calls: counts as failed where a share of successes is asked for, not
   *   as one of several failures in a row;
   * - `neutral`: says nothing about the upstream: a local refusal, an abort.
   */
  readonly kind: "success" | "failure" | "limited" | "neutral";
  /** The same call may succeed if it is made again. */
  readonly retryable: boolean;
  /** Milliseconds before which it makes no sense to try again, where that was said. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * How results are read, and how a response is freed that nobody will read. Both depend on the protocol: the default,
 * `responseClassifier()`, knows HTTP responses.
 */
export interface Classifier {
  outcome(result: Either<unknown, unknown>): Outcome;
  /**
   * Hears how a response ends that is a success so far, and part of which is still to come: `ended` runs then, once, and no
   * later than that nobody wants the rest. False: nothing more can become of it. Absent: a response is whole when it is given.
   */
  follow?(response: unknown, ended: (outcome: Outcome) => void): boolean;
  /** Frees what a response holds, such as its connection. Layers call it for each response that they drop. */
  discard(response: unknown): void;
}

const success: Outcome = { kind: "success", retryable: false };
const neutral: Outcome = { kind: "neutral", retryable: false };
const neutralRetryable: Outcome = { kind: "neutral", retryable: true };
const failure: Outcome = { kind: "failure", retryable: false };
const failureRetryable: Outcome = { kind: "failure", retryable: true };

/** What an error says by its origin and whether it may be retried. One that is no fault is a failure. */
export function outcomeOfError(error: unknown): Outcome {
  if (!isFault(error)) return failure;
  const { origin, retryable, retryAfterMs } = error;
  if (retryAfterMs !== undefined) {
    return { kind: origin === "upstream" ? "failure" : "neutral", retryable, retryAfterMs };
  }
  if (origin === "upstream") return retryable ? failureRetryable : failure;
  return retryable ? neutralRetryable : neutral;
}

/** Every response is a success, errors say themselves what they are; a response holds nothing. For stacks without HTTP. */
export const faultClassifier: Classifier = {
  outcome: (result) => (isLeft(result) ? outcomeOfError(result.left) : success),
  discard() {},
};
