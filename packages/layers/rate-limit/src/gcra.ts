import type { FullRate } from "./rate.ts";

/** The TAT of an unused limit. */
export const unused = -Infinity;

/**
 * Relative rounding error after a few operations. For a clock reading after 100 days it is 8
 * nanoseconds.
 */
const rounding = 2 ** -50;

/**
 * The generic cell rate algorithm. A limit is one number, its theoretical arrival time (TAT). Each
 * call moves it forward by one interval. It may be at most `burst` intervals ahead of now.
 *
 * Time is counted in intervals ("cells", `perSecond` of them per second), not in milliseconds, so
 * that a call adds exactly 1. An interval in milliseconds would be rounded in the same direction on
 * each call: at a million calls per second and after 100 days, the rate would be off by some
 * hundredths of a percent.
 */
export class Gcra {
  readonly burst: number;
  readonly #perMs: number;

  constructor({ perSecond, burst }: FullRate) {
    this.burst = burst;
    this.#perMs = perSecond / 1_000;
  }

  /** Converts a clock reading to cells. */
  at(nowMs: number): number {
    return nowMs * this.#perMs;
  }

  /** The time of a TAT, in milliseconds. */
  msOf(tat: number): number {
    return tat / this.#perMs;
  }

  /** The TAT for a time at which a limit of another rate would be unused: at most one burst ahead. */
  carried(unusedMs: number, nowMs: number): number {
    return Math.min(this.at(unusedMs), this.at(nowMs) + this.burst);
  }

  /** Milliseconds until a call conforms, 0 if it does now. */
  waitMs(tat: number, nowMs: number): number {
    const at = this.at(nowMs);
    const early = tat + 1 - this.burst - at;
    // A caller that returns exactly after retryAfterMs must not be refused because of rounding.
    return early <= (at + this.burst) * rounding ? 0 : early / this.#perMs;
  }

  /** The TAT after a call made now. */
  next(tat: number, nowMs: number): number {
    const at = this.at(nowMs);
    return (tat > at ? tat : at) + 1;
  }

  /** Number of calls that would conform now. */
  left(tat: number, nowMs: number): number {
    const at = this.at(nowMs);
    const debt = Math.max(0, tat - at);
    return Math.max(0, Math.floor(this.burst - debt + (at + this.burst) * rounding));
  }
}
