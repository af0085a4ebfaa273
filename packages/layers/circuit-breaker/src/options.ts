import {
  checkDuration,
  checkInteger,
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { anyOf, type Cause, consecutiveFailures, successRate, type Trip } from "./trip.ts";

/** A breaker has opened. */
export interface Opening extends Cause {
  /** Milliseconds for which it admits nothing. */
  readonly forMs: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface BreakerObserver {
  /** From closed, or again because a probe has failed. */
  readonly opened?: (opening: Opening) => void;
  /** The time is over, and the first probe goes through. */
  readonly halfOpened?: () => void;
  /** The probes have succeeded: all calls go through. */
  readonly closed?: () => void;
}

export interface BreakerOptions {
  /** When it opens. Default: at 5 failures in a row, or when under 0.8 of at least 5 calls in 30 s succeed. */
  readonly trip?: Trip;
  /** How long it is open at first, half of it fixed and half random: milliseconds, more than 0. Default 5,000. */
  readonly openMs?: number;
  /** That time doubles with each failed probe up to this: milliseconds, at most 2,147,483,647. Default 300,000. */
  readonly maxOpenMs?: number;
  /** Calls let through when that time is over; all must succeed. At least 1. Default 1. */
  readonly probes?: number;
  /**
   * How long a probe may be under way. Then it has succeeded if its response has begun well; if there is none, another call
   * probes in its place. Milliseconds, more than 0. Default `openMs`.
   */
  readonly probeMs?: number;
  readonly observer?: BreakerObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The options with their defaults. */
export type Settings = Required<Omit<BreakerOptions, "observer">> & Pick<BreakerOptions, "observer">;

/** @throws RangeError when an option is out of range. */
export function checked(options: BreakerOptions): Settings {
  const {
    trip = anyOf(consecutiveFailures(), successRate()),
    openMs = 5_000,
    maxOpenMs = Math.max(openMs, 300_000),
    probes = 1,
    probeMs = openMs,
    observer,
    clock = systemClock,
    random = systemRandom,
  } = options;
  checkDuration("circuit-breaker: openMs", openMs);
  checkDuration("circuit-breaker: maxOpenMs", maxOpenMs, { min: { openMs } });
  checkInteger("circuit-breaker: probes", probes, { min: 1 });
  checkDuration("circuit-breaker: probeMs", probeMs);
  return { trip, openMs, maxOpenMs, probes, probeMs, ...(observer && { observer }), clock, random };
}
