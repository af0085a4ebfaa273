import {
  type Budget,
  budget as budgetOf,
  checkInteger,
  checkNumber,
  type Classifier,
  type Clock,
  deadlineOf,
  type Either,
  isReady,
  layer,
  type Layer,
  type Part,
  type Replayable,
  defaultClassifier,
  type Service,
  systemClock,
} from "@pagoda/core";
import { HedgeHistory } from "./history.ts";
import { Latencies } from "./latencies.ts";
import { Race, type Rules } from "./race.ts";

/** Receives events, for metrics and logs. Must not throw. */
export interface HedgeObserver {
  /** A second call was made this long after the first. */
  readonly hedged?: (event: { readonly afterMs: number }, request: unknown) => void;
  /** One of two calls succeeded. Not called when both fail. */
  readonly won?: (which: "first" | "second", request: unknown) => void;
}

export interface HedgeOptions {
  /**
   * Maximum second calls per call, from 0 to below 1. Default 0.01. A call is slow when it takes
   * longer than all but this share of calls.
   */
  readonly maxExtraLoad?: number;
  /**
   * Length of a measuring period, and of the window for the extra load: milliseconds, at least 10.
   * Default 10,000.
   */
  readonly windowMs?: number;
  /**
   * Latencies required in the last period before any second call is made: at least 1. Default 100.
   */
  readonly minSamples?: number;
  /**
   * A budget that second calls withdraw from in addition to `maxExtraLoad`. Share that of an outer
   * retry to bound retries and second calls together. The retry deposits into it; this layer only
   * withdraws.
   */
  readonly budget?: Budget;
  /** Observations shared by layers with the same history and settings. Default: one per service. */
  readonly history?: HedgeHistory;
  /** Judges results and discards unused responses. Default: `defaultClassifier()`. */
  readonly classifier?: Classifier;
  readonly observer?: HedgeObserver;
  readonly clock?: Clock;
}

const part: Part = { name: "hedge", unguarded: true };

/**
 * Sends a call a second time when the first takes longer than almost all recent calls. The first
 * answer wins, and the other call is aborted in the same tick. Cuts tail latency where slowness is
 * random, at an extra load of at most `maxExtraLoad`.
 *
 * A second call is made only if the request allows it (`replay.canHedge`), the inner service is
 * ready, the budget allows it, and the caller has not given up. There is never a third. A failure
 * that is retryable or says nothing about the upstream does not win while the other call is in
 * flight.
 *
 * Use it for calls that are safe to make twice and cost about the same. Place it inside a retry, so
 * that each attempt is hedged, and outside a balancer, so that the second call can go to another
 * endpoint.
 *
 * Errors: those of the inner service. If both calls fail, the later failure is returned.
 *
 * Cost per call: about 0.3 µs, mostly reading the clock. Once the delay is known 1.4 µs, or 2 µs if
 * the caller has a signal, for a timer and an `AbortController`.
 *
 * Source: Dean and Barroso, "The Tail at Scale" (2013); Finagle's `BackupRequestFilter`.
 *
 * @throws RangeError if an option is out of range.
 */
export function hedge({
  maxExtraLoad = 0.01,
  windowMs = 10_000,
  minSamples = 100,
  budget,
  history: shared,
  clock = systemClock,
  classifier = defaultClassifier(clock),
  observer,
}: HedgeOptions = {}): Layer<Replayable> {
  checkNumber("hedge: maxExtraLoad", maxExtraLoad, { min: 0, below: 1 });
  checkNumber("hedge: windowMs", windowMs, { min: 10 });
  checkInteger("hedge: minSamples", minSamples, { min: 1 });

  return layer<Replayable>(part, <Res, Err>(inner: Service<Replayable, Res, Err>) => {
    const records = (shared ?? new HedgeHistory()).recordsFor(
      JSON.stringify([maxExtraLoad, windowMs, minSamples]),
      () => ({
        latencies: new Latencies({ share: maxExtraLoad, windowMs, minSamples, now: clock.now() }),
        budget: budgetOf({ ratio: maxExtraLoad, minPerSecond: 0, windowMs, clock }),
        hedges: 0,
        wins: 0,
      }),
    );
    const { latencies, budget: own } = records;

    /**
     * Checks the shared budget first, so that nothing is withdrawn from one budget if the other
     * refuses.
     */
    function withdraw(): boolean {
      if (budget === undefined) return own.withdraw();
      return budget.left >= 1 && own.withdraw() && budget.withdraw();
    }

    const rules: Rules<Replayable, Res, Err> = {
      inner,
      clock,
      classifier,
      admit: ({ replay }, signal) =>
        replay.canHedge() && !isPast(deadlineOf(signal), clock.now()) && isReady(inner) && withdraw(),
      learn: (now, ms) => latencies.record(now, ms),
      hedged(afterMs, request) {
        records.hedges++;
        observer?.hedged?.({ afterMs }, request);
      },
      won(which, request) {
        if (which === "second") records.wins++;
        observer?.won?.(which, request);
      },
    };

    return {
      options: { maxExtraLoad, windowMs, minSamples },
      state: () => ({
        delayMs: latencies.delayMs(clock.now()) ?? null,
        hedges: records.hedges,
        wins: records.wins,
        budgetLeft: Math.min(own.left, budget?.left ?? Infinity),
      }),
      call(request, signal): Promise<Either<Err, Res>> {
        const startedAt = clock.now();
        const delayMs = latencies.delayMs(startedAt);
        own.deposit();
        if (delayMs !== undefined && !isPast(deadlineOf(signal), startedAt + delayMs)) {
          return new Race(rules, request, signal, startedAt, delayMs).promise;
        }
        return inner.call(request, signal).then((result) => {
          if (classifier.outcome(result).kind === "success") {
            const now = clock.now();
            latencies.record(now, now - startedAt);
          }
          return result;
        });
      },
    };
  });
}

function isPast(deadline: number | undefined, at: number): boolean {
  return deadline !== undefined && at >= deadline;
}
