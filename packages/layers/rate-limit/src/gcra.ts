import type { FullRate } from "./rate.ts";

/** The time of a limit that has not been used. */
export const unused = -Infinity;

/** By which a number may be off after a few operations on it; of a clock's reading after 100 days it is 8 nanoseconds. */
const rounding = 2 ** -50;

/**
 * The generic cell rate algorithm. A limit is one number: the time up to which its calls are paid for, its theoretical
 * arrival time. Each call moves it on by one interval; it may be at most `burst` intervals ahead of now.
 *
 * Time is counted in intervals here ("cells", of which `perSecond` go into a second), not in milliseconds. A call then
 * adds exactly 1. An interval in milliseconds would be rounded on each call, always the same way: at a million a second
 * and after 100 days, the rate would be off by some tenths of a per mille.
 */
export class Gcra {
  readonly burst: number;
  readonly #perMs: number;

  constructor({ perSecond, burst }: FullRate) {
    this.burst = burst;
    this.#perMs = perSecond / 1_000;
  }

  /** The clock's reading in cells. */
  at(nowMs: number): number {
    return nowMs * this.#perMs;
  }

  /** Milliseconds until a call conforms; 0: one made now does. */
  waitMs(paidUntil: number, nowMs: number): number {
    const at = this.at(nowMs);
    const early = paidUntil + 1 - this.burst - at;
    // Who comes back exactly when told to must not be told to wait for what rounding lost.
    return early <= (at + this.burst) * rounding ? 0 : early / this.#perMs;
  }

  /** The limit after a call made now. */
  next(paidUntil: number, nowMs: number): number {
    const at = this.at(nowMs);
    return (paidUntil > at ? paidUntil : at) + 1;
  }

  /** Calls that would conform now. */
  left(paidUntil: number, nowMs: number): number {
    const at = this.at(nowMs);
    const debt = Math.max(0, paidUntil - at);
    return Math.max(0, Math.floor(this.burst - debt + (at + this.burst) * rounding));
  }
}
