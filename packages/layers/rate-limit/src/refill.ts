import { type Clock, maxTimerMs, type Timer, WaitList } from "@pagoda/core";

/**
 * Callers waiting for the global limit, in order. Uses one timer, and only while someone is
 * waiting.
 */
export class Refill {
  readonly #clock: Clock;
  readonly #waitMs: () => number;
  readonly #waiting: WaitList;
  #timer: Timer | undefined;

  /** @param waitMs Milliseconds until a call would be admitted, 0 if now. */
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

  /**
   * Sets the timer while someone is waiting, even for 0 ms, to check again after woken callers had
   * their turn.
   */
  #arm(): void {
    if (this.#waiting.size === 0) return;
    this.#timer ??= this.#clock.setTimer(Math.min(this.#waitMs(), maxTimerMs), this.#fire);
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
