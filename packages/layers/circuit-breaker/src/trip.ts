import { checkInteger, checkNumber, checkOption, type Clock, type Json, type Outcome } from "@pagoda/core";
import { Window } from "./window.ts";

/** What the upstream has done, where a result says it. */
export type Verdict = Exclude<Outcome["kind"], "neutral">;

/** Why a breaker opens. */
export interface Cause {
  /** One of few, fit for a metric's label: `consecutive-failures`, `success-rate`, `probe-failed`. */
  readonly reason: string;
  /** Failures in a row. */
  readonly failures?: number;
  /** The share of calls that succeeded, from 0 to 1. */
  readonly successRate?: number;
  /** The calls that it is a share of. */
  readonly calls?: number;
}

/** When a closed breaker opens. One may be given to several breakers: each begins its own tally. */
export interface Trip {
  /** As it stands in descriptions. */
  readonly options: { readonly [name: string]: Json } | readonly Json[];
  begin(clock: Clock): Tally;
}

/** The results of one breaker's calls, as far as a {@link Trip} needs them. */
export interface Tally {
  /** A call has ended while the breaker is closed. Gives the cause when that opens it. */
  heard(verdict: Verdict): Cause | undefined;
  /** The breaker has closed again: what was before does not count. */
  reset(): void;
  /** For descriptions. */
  state(): { readonly [name: string]: Json };
}

/**
 * Opens at so many failures in a row. A success ends the row; a result that asks for fewer calls (`limited`) neither
 * ends it nor counts.
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
        heard(verdict) {
          if (verdict === "success") failures = 0;
          if (verdict !== "failure" || ++failures < count) return undefined;
          return { reason: "consecutive-failures", failures };
        },
        reset() {
          failures = 0;
        },
        state: () => ({ consecutiveFailures: failures }),
      };
    },
  };
}

export interface SuccessRateOptions {
  /** The share of calls that must succeed: more than 0, at most 1. Default 0.8. */
  readonly least?: number;
  /** How long a call counts: milliseconds, at least 10. Default 30,000. */
  readonly windowMs?: number;
  /** With fewer calls in the window nothing is decided: at least 1. Default 5. */
  readonly minCalls?: number;
}

/**
 * Opens when, at a call that did not succeed, too few of the last ones did. Results that ask for fewer calls
 * (`limited`) count as failed. The window moves in tenths.
 *
 * Cost: a reading of the clock for each result, about 70 ns in all.
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
      const window = new Window(clock, windowMs);
      return {
        heard(verdict) {
          window.add(verdict === "success");
          if (verdict === "success" || window.calls < minCalls) return undefined;
          const rate = window.successes / window.calls;
          return rate < least
            ? { reason: "success-rate", successRate: rate, calls: window.calls }
            : undefined;
        },
        reset() {
          window.clear();
        },
        state() {
          window.moveOn();
          const { calls, successes } = window;
          return { successRate: calls === 0 ? null : successes / calls, calls };
        },
      };
    },
  };
}

/**
 * Opens when any of several would; the first that does names the cause.
 *
 * @throws RangeError when none is given.
 */
export function anyOf(...trips: readonly Trip[]): Trip {
  checkOption("circuit-breaker: trips of anyOf", trips, trips.length > 0, "a list of at least one trip");

  return {
    options: trips.flatMap(({ options }) => options),
    begin(clock) {
      const tallies = trips.map((trip) => trip.begin(clock));
      return {
        heard(verdict) {
          let cause: Cause | undefined;
          // Each hears of each call, also when another has decided already.
          for (const tally of tallies) {
            const own = tally.heard(verdict);
            cause ??= own;
          }
          return cause;
        },
        reset() {
          for (const tally of tallies) tally.reset();
        },
        state: () => Object.assign({}, ...tallies.map((tally) => tally.state())) as { [name: string]: Json },
      };
    },
  };
}
