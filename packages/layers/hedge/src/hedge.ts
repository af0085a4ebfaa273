import {
  type Budget,
  budget as budgetOf,
  checkInteger,
  checkNumber,
  type Classifier,
  type Clock,
  deadlineOf,
  isReady,
  layer,
  type Layer,
  type Replayable,
  responseClassifier,
  type Service,
  systemClock,
} from "@pagoda/core";
import type { Either } from "fp-ts/lib/Either.js";
import { HedgeHistory } from "./history.ts";
import { Latencies } from "./latencies.ts";
import { Race, type Rules } from "./race.ts";

/** Told what happens, for metrics and logs. Must not throw. */
export interface HedgeObserver {
  /** A second call was made, so long after the first. */
  readonly hedged?: (event: { readonly afterMs: number }) => void;
  /** Of two calls this one brought the answer. When neither succeeds, nobody is told. */
  readonly won?: (which: "first" | "second") => void;
}

export interface HedgeOptions {
  /**
   * Second calls for each call: from 0, below 1. Default 0.01. A call is slow when it takes longer than all but this
   * share.
   */
  readonly maxExtraLoad?: number;
  /** How long a period is, and how long a call counts for the extra load: milliseconds, at least 10. Default 10,000. */
  readonly windowMs?: number;
  /** How many latencies the last period must have shown, else no second call is made: at least 1. Default 100. */
  readonly minSamples?: number;
  /**
   * A budget that second calls are taken from beside `maxExtraLoad`: that of a retry further out, so that retries and
   * second calls together stay within it. The retry deposits into it; this layer only withdraws.
   */
  readonly budget?: Budget;
  /** What layers with the same settings have in common that are given the same one. Default: each service has its own. */
  readonly history?: HedgeHistory;
  /** What a result means, and how a response is freed that nobody will read. Default: `responseClassifier()`. */
  readonly classifier?: Classifier;
  readonly observer?: HedgeObserver;
  readonly clock?: Clock;
}

/**
 * Makes a call a second time when the first has not answered after the time that nearly all calls of late needed.
 * The first answer wins, and in the same tick the other call is aborted. That shortens the tail of latencies where
 * slowness is a matter of chance, at an extra load of no more than `maxExtraLoad`.
 *
 * A second call is made only where the request allows it (`replay.canDouble`), inner is ready, the budget has one left,
 * and the caller has not given up. Never a third. A failure that a repetition may cure
 * (`retryable`), or that says nothing about the upstream, does not win while the other call is under way.
 *
 * Use it for calls that can be made twice without harm and that cost about the same. It stands inside a retry, so that
 * each try is hedged, and around a balancer, so that the second call can go elsewhere.
 *
 * Errors: those of inner, none of its own. Of two failures the later one comes out.
 *
 * Cost per call: about 0.3 µs, most of it the reading of the clock; once it is known what is slow 1.4 µs, and 2 µs where the
 * caller has a signal, for a timer and an `AbortController`.
 *
 * Source: Dean and Barroso, "The Tail at Scale" (2013); Finagle's `BackupRequestFilter`.
 *
 * @throws RangeError when an option is out of range.
 */
export function hedge({
  maxExtraLoad = 0.01,
  windowMs = 10_000,
  minSamples = 100,
  budget,
  history: shared,
  clock = systemClock,
  classifier = responseClassifier({ clock }),
  observer,
}: HedgeOptions = {}): Layer<Replayable> {
  checkNumber("hedge: maxExtraLoad", maxExtraLoad, { min: 0, below: 1 });
  checkNumber("hedge: windowMs", windowMs, { min: 10 });
  checkInteger("hedge: minSamples", minSamples, { min: 1 });

  return layer<Replayable>("hedge", <Res, Err>(inner: Service<Replayable, Res, Err>) => {
    const past = (shared ?? new HedgeHistory()).pastOf(
      JSON.stringify([maxExtraLoad, windowMs, minSamples]),
      () => ({
        latencies: new Latencies({ share: maxExtraLoad, windowMs, minSamples, now: clock.now() }),
        budget: budgetOf({ ratio: maxExtraLoad, minPerSecond: 0, windowMs, clock }),
        hedges: 0,
        wins: 0,
      }),
    );
    const { latencies, budget: own } = past;

    /** Asks the shared one first, so that none is taken from one budget that the other does not give. */
    function withdraw(): boolean {
      if (budget === undefined) return own.withdraw();
      return budget.left >= 1 && own.withdraw() && budget.withdraw();
    }

    const rules: Rules<Replayable, Res, Err> = {
      inner,
      clock,
      classifier,
      admit: ({ replay }, signal) =>
        replay.canDouble() && !isPast(deadlineOf(signal), clock.now()) && isReady(inner) && withdraw(),
      learn: (now, ms) => latencies.record(now, ms),
      hedged(afterMs) {
        past.hedges++;
        observer?.hedged?.({ afterMs });
      },
      won(which) {
        if (which === "second") past.wins++;
        observer?.won?.(which);
      },
    };

    return {
      options: { maxExtraLoad, windowMs, minSamples },
      state: () => ({
        delayMs: latencies.delayMs(clock.now()) ?? null,
        hedges: past.hedges,
        wins: past.wins,
        budgetLeft: Math.min(own.left, budget?.left ?? Infinity),
      }),
      call(request, signal): Promise<Either<Err, Res>> {
        const startedAt = clock.now();
        const delayMs = latencies.delayMs(startedAt);
        own.deposit();
        if (delayMs !== undefined && !isPast(deadlineOf(signal), startedAt + delayMs)) {
          return new Race(rules, request, signal, startedAt, delayMs).promise;
        }
        try {
          return inner.call(request, signal).then((result) => {
            if (classifier.outcome(result).kind === "success") {
              const now = clock.now();
              latencies.record(now, now - startedAt);
            }
            return result;
          });
        } catch (defect) {
          return Promise.reject(defect);
        }
      },
    };
  });
}

function isPast(deadline: number | undefined, at: number): boolean {
  return deadline !== undefined && at >= deadline;
}
