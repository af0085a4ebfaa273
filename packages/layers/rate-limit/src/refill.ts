import { type Clock, longestTimerMs, type Timer, WaitList } from "@pagoda/core";

/**
 * Those who wait until the limit over all admits a call, in order. One timer for all of them, and only while somebody
 * waits.
 */
export class Refill {
  readonly #clock: Clock;
  readonly #waitMs: () => number;
  readonly #waiting: WaitList;
  #timer: Timer | undefined;

  /** @param waitMs Milliseconds until a call would be admitted; 0: now. */
  constructor(clock: Clock, waitMs: () => number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#waiting = new WaitList(() => waitMs() === 0, this.#emptied);
  }

  get size(): number {
    return this.#waiting.size;
  }

  ready(): undefined | Promise<void> {
    const turn = this.#waiting.ready();
    if (turn !== undefined) this.#arm();
    return turn;
  }

  /** While somebody waits the timer is set, even for no time at all: it looks again when those woken have gone. */
  #arm(): void {
    if (this.#waiting.size === 0) return;
    this.#timer ??= this.#clock.setTimer(Math.min(this.#waitMs(), longestTimerMs), this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#waiting.wake();
    this.#arm();
  };

  readonly #emptied = (): void => {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  };
}
