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
  isReady,
  layer,
  type Layer,
  longestTimerMs,
  neverProcessed,
  type Outcome,
  pause,
  type Random,
  type Replayable,
  responseClassifier,
  type Service,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type Either, isLeft, isRight, left } from "fp-ts/lib/Either.js";
import { type Backoff, exponential } from "./backoff.ts";

/** Why a call that might succeed is not tried again. */
export type NotRetried =
  /** It has been tried as often as it may. */
  | "attempts"
  /** The request cannot be made again. */
  | "notReplayable"
  /** The upstream asks for a longer wait than `maxRetryAfterMs`. */
  | "retryAfter"
  /** The caller will have given up before the next try begins. */
  | "deadline"
  /** The budget is spent. */
  | "budget"
  /** Inner cannot take a call when the wait is over. */
  | "notReady";

/** Told what happens, for metrics and logs. Must not throw. */
export interface RetryObserver {
  /** A further try begins, the second being `attempt` 2, after a wait. */
  readonly retried?: (event: { readonly attempt: number; readonly waitedMs: number }) => void;
  /** A call succeeded, but not at the first try. */
  readonly recovered?: (attempts: number) => void;
  /** A call that a further try might cure ended without one. */
  readonly gaveUp?: (reason: NotRetried, attempts: number) => void;
}

export interface RetryOptions {
  /** Tries in all: a whole number from 1 to 100. Default 3. */
  readonly attempts?: number;
  /** Default: exponential from 25 ms to 250 ms with full jitter. */
  readonly backoff?: Backoff;
  /** Default: one for all services that the layer is put around, of 20% and 10 a second. */
  readonly budget?: Budget;
  /**
   * What results mean, and how a response is freed that makes room for a further try. Default: `responseClassifier()`.
   */
  readonly classifier?: Classifier;
  /** The longest wait that an upstream may ask for; milliseconds, from 0, below 2³¹. Default 5,000. */
  readonly maxRetryAfterMs?: number;
  readonly observer?: RetryObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Makes a call again that failed and may succeed: after a wait, within a budget, and only where the request says that it
 * can be made again (`replay.canRepeat`), or the error that it was never processed. The wait is what the upstream asks
 * for, if it does, and the backoff's on top. No try begins that the caller would not wait for, none when inner is not
 * ready, and none after an abort.
 *
 * Use it for failures that pass. The budget keeps retries from multiplying the load when nothing succeeds: one for all
 * stacks that call the same upstream. It stands inside of a timeout over all tries and outside of one for each; outside
 * of a balancer, so that the next try can go elsewhere. Of several retries in one stack each multiplies the tries
 * of the others: have one.
 *
 * Errors: the one of the last try; and {@link Aborted}, at once, when the caller leaves during a wait.
 *
 * Cost per call that needs no second try: about 150 ns, most of it the budget's reading of the clock.
 *
 * Source: Finagle's `RetryFilter` and `RetryBudget`, Tower's `retry`, Envoy's retry policy.
 *
 * @throws RangeError when an option is out of range.
 */
export function retry({
  attempts = 3,
  backoff = exponential(),
  clock = systemClock,
  budget = budgetOf({ clock }),
  classifier = responseClassifier({ clock }),
  maxRetryAfterMs = 5_000,
  observer,
  random = systemRandom,
}: RetryOptions = {}): Layer<Replayable, unknown, Aborted> {
  checkInteger("retry: attempts", attempts, { min: 1, max: 100 });
  checkDuration("retry: maxRetryAfterMs", maxRetryAfterMs, { min: 0 });

  return layer<Replayable, unknown, Aborted>("retry", <Res, Err>(inner: Service<Replayable, Res, Err>) => {
    type Result = Either<Err | Aborted, Res>;
    let waiting = 0;
    let retries = 0;

    /** What speaks against a further try, the cheapest first; the last one takes it out of the budget. */
    function against(
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

    /** After the first try: what to do with a result that a further try may better. */
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
          if (outcome.kind === "success") observer?.recovered?.(tried);
          return result;
        }
        if (signal?.aborted) return result;
        backoffMs = backoff.waitMs(tried, backoffMs, random);
        // On top of it: callers who were told the same moment would come back as one.
        const waitMs = Math.min((outcome.retryAfterMs ?? 0) + backoffMs, longestTimerMs);
        let reason = against(tried, result, request, signal, outcome, waitMs);
        if (reason === undefined) {
          waiting++;
          await pause(clock, waitMs, signal);
          waiting--;
          if (signal?.aborted) {
            drop(result);
            return left(aborted(signal));
          }
          // The wait may have changed what was so before it.
          if (!canRepeat(result, request)) reason = "notReplayable";
          else if (!isReady(inner)) reason = "notReady";
        }
        if (reason !== undefined) {
          observer?.gaveUp?.(reason, tried);
          return result;
        }
        drop(result);
        retries++;
        observer?.retried?.({ attempt: tried + 1, waitedMs: waitMs });
        result = await inner.call(request, signal);
      }
    }

    /** What the upstream has not processed can be made again whatever the request says of itself. */
    function canRepeat(result: Either<Err, Res>, { replay }: Replayable): boolean {
      return (isLeft(result) && neverProcessed(result.left)) || replay.canRepeat();
    }

    /** Only now that a further try is made: until then the result may be what the caller gets. */
    function drop(result: Either<Err, Res>): void {
      if (isRight(result)) classifier.discard(result.right);
    }

    return {
      options: { attempts, backoff: { name: backoff.name, ...backoff.options }, maxRetryAfterMs },
      state: () => ({ budgetLeft: budget.left, waiting, retries }),
      call(request, signal): Promise<Result> {
        budget.deposit();
        try {
          return inner
            .call(request, signal)
            .then((result) =>
              classifier.outcome(result).retryable ? again(result, request, signal) : result,
            );
        } catch (defect) {
          return Promise.reject(defect);
        }
      },
    };
  });
}
