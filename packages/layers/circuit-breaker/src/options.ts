import {
  checkDuration,
  checkInteger,
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { anyOf, type Cause, consecutiveFailures, successRate, type Trip } from "./trip.ts";

/** The event of a breaker opening. */
export interface Opening extends Cause {
  /** Open time in milliseconds. */
  readonly forMs: number;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface BreakerObserver {
  /**
   * The breaker opened, from closed or because a probe failed.
   *
   * @param call The call whose result opened it, as given to the breaker: in a layer, the request.
   */
  readonly opened?: (opening: Opening, call?: unknown) => void;
  /** The open time is over, and the first probe was admitted. */
  readonly halfOpened?: () => void;
  /**
   * The probes succeeded; all calls are admitted.
   *
   * @param call The last of them.
   */
  readonly closed?: (call?: unknown) => void;
}

/** Options of a {@link Breaker}. */
export interface BreakerOptions {
  /**
   * When it opens. Default: at 5 failures in a row, or below a success rate of 0.8 over at least 5
   * calls in 30 s.
   */
  readonly trip?: Trip;
  /** Initial open time in milliseconds, half of it fixed and half random: over 0. Default 5,000. */
  readonly openMs?: number;
  /**
   * The open time doubles with each failed probe up to this, in milliseconds: at most
   * 2,147,483,647. Default 300,000.
   */
  readonly maxOpenMs?: number;
  /** Calls admitted when half-open; all must succeed. At least 1. Default 1. */
  readonly probes?: number;
  /**
   * How long a probe may take, in milliseconds: over 0. After that it counts as a success if its
   * response has started successfully, and otherwise another call probes in its place. Default
   * `openMs`.
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
