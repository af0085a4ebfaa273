import {
  checkInteger,
  checkNumber,
  checkOption,
  type Clock,
  type Json,
  type Outcome,
  SlidingCount,
  Slots,
} from "@pagoda/core";

/** The outcomes that say something about the upstream. */
export type Verdict = Exclude<Outcome["kind"], "neutral">;

/** Why a breaker opens. */
export interface Cause {
  /**
   * Of low cardinality, for metric labels: `consecutive-failures`, `success-rate`, `probe-failed`.
   */
  readonly reason: string;
  /** Consecutive failures. */
  readonly failures?: number;
  /** Ratio of successful calls, 0 to 1. */
  readonly successRate?: number;
  /** Number of calls behind `successRate`. */
  readonly calls?: number;
}

/**
 * Decides when a closed breaker opens. Several breakers may share a trip: each begins its own
 * tally.
 */
export interface Trip {
  /** Options for `describe()`. */
  readonly options: { readonly [name: string]: Json } | readonly Json[];
  /** Begins a tally for a new breaker, or for one that has closed again. */
  begin(clock: Clock): Tally;
}

/** What a {@link Trip} records of the results of one breaker. */
export interface Tally {
  /** Records a result while the breaker is closed. Returns the cause if it opens the breaker. */
  record(verdict: Verdict): Cause | undefined;
  /** State for `describe()`. */
  state(): { readonly [name: string]: Json };
}

/**
 * Opens at `count` failures in a row. A success resets the count; a result that asks for fewer
 * calls (`limited`) is ignored.
 *
 * @param count Calls, at least 1. Default 5.
 * @throws RangeError when `count` is out of range.
 */
export function consecutiveFailures(count = 5): Trip {
  checkInteger("circuit-breaker: consecutiveFailures", count, { min: 1 });

  return {
    options: { consecutiveFailures: count },
    begin() {
      let failures = 0;
      return {
        record(verdict) {
          if (verdict === "success") failures = 0;
          if (verdict !== "failure" || ++failures < count) return undefined;
          return { reason: "consecutive-failures", failures };
        },
        state: () => ({ consecutiveFailures: failures }),
      };
    },
  };
}

/** The window of `successRate` moves in tenths. */
const slots = 10;

/** Options of {@link successRate}. */
export interface SuccessRateOptions {
  /** Minimum success rate: over 0, at most 1. Default 0.8. */
  readonly least?: number;
  /** Length of the sliding window in milliseconds: at least 10. Default 30,000. */
  readonly windowMs?: number;
  /** Minimum number of calls in the window before the rate is used: at least 1. Default 5. */
  readonly minCalls?: number;
}

/**
 * Opens when the success rate over a sliding window is below `least`. The rate is checked at each
 * call that does not succeed. Results that ask for fewer calls (`limited`) count as failures. The
 * window moves in tenths.
 *
 * Cost: about 10 ns per result under load, 70 ns for one that reads the clock.
 *
 * @throws RangeError when an option is out of range.
 */
export function successRate({ least = 0.8, windowMs = 30_000, minCalls = 5 }: SuccessRateOptions = {}): Trip {
  checkNumber("circuit-breaker: least", least, { above: 0, max: 1 });
  checkNumber("circuit-breaker: windowMs", windowMs, { min: 10 });
  checkInteger("circuit-breaker: minCalls", minCalls, { min: 1 });

  return {
    options: { successRate: least, windowMs, minCalls },
    begin(clock) {
      const time = new Slots(clock, windowMs / slots);
      const calls = new SlidingCount(slots, time.exactly());
      const successes = new SlidingCount(slots, time.exactly());
      return {
        record(verdict) {
          if (verdict === "success") {
            const slot = time.roughly();
            calls.add(slot);
            successes.add(slot);
            return undefined;
          }
          const slot = time.exactly();
          calls.add(slot);
          successes.moveTo(slot);
          const rate = successes.total / calls.total;
          return calls.total >= minCalls && rate < least
            ? { reason: "success-rate", successRate: rate, calls: calls.total }
            : undefined;
        },
        state() {
          calls.moveTo(time.exactly());
          successes.moveTo(time.exactly());
          return {
            successRate: calls.total === 0 ? null : successes.total / calls.total,
            calls: calls.total,
          };
        },
      };
    },
  };
}

/**
 * Opens when any of several trips does. The first one that does names the cause.
 *
 * @throws RangeError when no trip is given.
 */
export function anyOf(...trips: readonly Trip[]): Trip {
  checkOption("circuit-breaker: trips of anyOf", trips, trips.length > 0, "a list of at least one trip");

  return {
    options: trips.flatMap(({ options }) => options),
    begin(clock) {
      const tallies = trips.map((trip) => trip.begin(clock));
      return {
        record(verdict) {
          let cause: Cause | undefined;
          // Every tally records every call, even after another has decided.
          for (const tally of tallies) {
            const own = tally.record(verdict);
            cause ??= own;
          }
          return cause;
        },
        state: () => Object.assign({}, ...tallies.map((tally) => tally.state())) as { [name: string]: Json },
      };
    },
  };
}
