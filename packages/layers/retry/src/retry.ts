import {
  aborted,
  type Aborted,
  type Budget,
  budget as budgetOf,
  checkDuration,
  checkInteger,
  type Classifier,
  type Clock,
  deadlineOf,
  type Either,
  isLeft,
  isReady,
  isRight,
  type Layer,
  layer,
  left,
  maxTimerMs,
  neverProcessed,
  type Outcome,
  type Part,
  pause,
  type Random,
  type Replayable,
  defaultClassifier,
  type Service,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type Backoff, exponential } from "./backoff.ts";

/** Why a retryable call was not retried. */
export type NotRetried =
  /** The maximum number of attempts is reached. */
  | "attempts"
  /** The request cannot be repeated. */
  | "notReplayable"
  /** The upstream requested a longer wait than `maxRetryAfterMs`. */
  | "retryAfter"
  /** The deadline would pass before the next attempt. */
  | "deadline"
  /** The budget is exhausted. */
  | "budget"
  /** The inner service is not ready after the wait. */
  | "notReady";

/** Another attempt. */
export interface Retried {
  /** Its number, from 2. */
  readonly attempt: number;
  /** The maximum number of attempts. */
  readonly attempts: number;
  readonly waitedMs: number;
  /** What the retry budget has left. */
  readonly budgetLeft: number;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface RetryObserver {
  /** An attempt starts after a wait. */
  readonly retried?: (event: Retried, request: Replayable) => void;
  /** A call succeeded, but not on the first attempt. */
  readonly recovered?: (attempts: number, request: Replayable) => void;
  /** A retryable call ended without another attempt. */
  readonly gaveUp?: (reason: NotRetried, attempts: number, request: Replayable) => void;
}

export interface RetryOptions {
  /** Maximum attempts, including the first: an integer from 1 to 100. Default 3. */
  readonly attempts?: number;
  /** Default: exponential from 25 ms to 250 ms with full jitter. */
  readonly backoff?: Backoff;
  /** Default: one of 20% plus 10 per second, shared by all services that the layer wraps. */
  readonly budget?: Budget;
  /**
   * Judges results, and discards responses replaced by another attempt. Default:
   * `defaultClassifier()`.
   */
  readonly classifier?: Classifier;
  /** Longest `Retry-After` to honor: milliseconds, from 0, below 2³¹. Default 5,000. */
  readonly maxRetryAfterMs?: number;
  readonly observer?: RetryObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

const part: Part = { name: "retry", unguarded: true };

/**
 * Retries failed calls that may succeed, after a wait and within a budget. A call is retried only
 * if its request can be repeated (`replay.canRepeat`) or the error says that it was never
 * processed. The wait is the one requested by the upstream, if any, plus the backoff. There is no
 * retry past the caller's deadline, after an abort, or while the inner service is not ready.
 *
 * Use it for transient failures. The budget keeps retries from multiplying the load when nothing
 * succeeds; share one between all stacks that call the same upstream. Place it inside a timeout for
 * all attempts and outside one per attempt, and outside a balancer, so that the next attempt can go
 * to another endpoint. Use one per stack: several multiply their attempts.
 *
 * Errors: that of the last attempt, and {@link Aborted}, at once, if the caller aborts during a
 * wait.
 *
 * Cost per call without a retry: about 150 ns, mostly the budget's clock read.
 *
 * Source: Finagle's `RetryFilter` and `RetryBudget`, Tower's `retry`, Envoy's retry policy.
 *
 * @throws RangeError if an option is out of range.
 */
export function retry({
  attempts = 3,
  backoff = exponential(),
  clock = systemClock,
  budget = budgetOf({ clock }),
  classifier = defaultClassifier(clock),
  maxRetryAfterMs = 5_000,
  observer,
  random = systemRandom,
}: RetryOptions = {}): Layer<Replayable, unknown, Aborted> {
  checkInteger("retry: attempts", attempts, { min: 1, max: 100 });
  checkDuration("retry: maxRetryAfterMs", maxRetryAfterMs, { min: 0 });

  return layer<Replayable, unknown, Aborted>(part, <Res, Err>(inner: Service<Replayable, Res, Err>) => {
    type Result = Either<Err | Aborted, Res>;
    let waiting = 0;
    let retries = 0;

    /**
     * Returns the reason not to retry, cheapest check first. If there is none, the retry is
     * withdrawn from the budget.
     */
    function obstacle(
      tried: number,
      result: Either<Err, Res>,
      request: Replayable,
      signal: AbortSignal | undefined,
      { retryAfterMs = 0 }: Outcome,
      waitMs: number,
    ): NotRetried | undefined {
      if (tried >= attempts) return "attempts";
      if (!canRepeat(result, request)) return "notReplayable";
      if (retryAfterMs > maxRetryAfterMs) return "retryAfter";
      const deadline = deadlineOf(signal);
      if (deadline !== undefined && clock.now() + waitMs >= deadline) return "deadline";
      return budget.withdraw() ? undefined : "budget";
    }

    /** Continues after a first attempt with a retryable result. */
    async function again(
      first: Either<Err, Res>,
      request: Replayable,
      signal: AbortSignal | undefined,
    ): Promise<Result> {
      let result = first;
      let backoffMs = 0;
      for (let tried = 1; ; tried++) {
        const outcome = classifier.outcome(result);
        if (!outcome.retryable) {
          if (outcome.kind === "success") observer?.recovered?.(tried, request);
          return result;
        }
        if (signal?.aborted) return result;
        backoffMs = backoff.waitMs(tried, backoffMs, random);
        // Added to Retry-After, so that callers with the same Retry-After do not all return at
        // once.
        const waitMs = Math.min((outcome.retryAfterMs ?? 0) + backoffMs, maxTimerMs);
        let reason = obstacle(tried, result, request, signal, outcome, waitMs);
        if (reason === undefined) {
          waiting++;
          await pause(clock, waitMs, signal);
          waiting--;
          if (signal?.aborted) {
            drop(result);
            return left(aborted(signal));
          }
          // Both may have changed during the wait.
          if (!canRepeat(result, request)) reason = "notReplayable";
          else if (!isReady(inner)) reason = "notReady";
        }
        if (reason !== undefined) {
          observer?.gaveUp?.(reason, tried, request);
          return result;
        }
        drop(result);
        retries++;
        observer?.retried?.(
          { attempt: tried + 1, attempts, waitedMs: waitMs, budgetLeft: budget.left },
          request,
        );
        result = await inner.call(request, signal);
      }
    }

    /** A call that was never processed can be repeated whatever its request allows. */
    function canRepeat(result: Either<Err, Res>, { replay }: Replayable): boolean {
      return (isLeft(result) && neverProcessed(result.left)) || replay.canRepeat();
    }

    /**
     * Called only when another attempt starts. Until then the result may be returned to the caller.
     */
    function drop(result: Either<Err, Res>): void {
      if (isRight(result)) classifier.discard(result.right);
    }

    return {
      options: { attempts, backoff: { name: backoff.name, ...backoff.options }, maxRetryAfterMs },
      state: () => ({ budgetLeft: budget.left, waiting, retries }),
      call(request, signal): Promise<Result> {
        budget.deposit();
        return inner
          .call(request, signal)
          .then((result) => (classifier.outcome(result).retryable ? again(result, request, signal) : result));
      },
    };
  });
}
