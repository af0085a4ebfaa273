import { type Clock, type Timer, WaitList } from "@pagoda/core";
import type { Breaker } from "./breaker.ts";

/**
 * Callers waiting for a breaker, in order. They share one timer, which runs only while a caller
 * waits for the time.
 */
export class Waiting {
  readonly #breaker: Breaker;
  readonly #clock: Clock;
  readonly #list: WaitList;
  #timer: Timer | undefined;
  #dueAt = 0;
  #isAsked = false;

  constructor(breaker: Breaker, clock: Clock) {
    this.#breaker = breaker;
    this.#clock = clock;
    this.#list = new WaitList(() => breaker.admits(), this.#emptied);
  }

  get size(): number {
    return this.#list.size;
  }

  ready(): undefined | Promise<void> {
    const turn = this.#list.ready();
    if (turn !== undefined) this.#breaker.waiting.add(this);
    // A balancer that only asks leaves within this tick, which must not cost a timer.
    if (turn !== undefined && !this.#isAsked) {
      this.#isAsked = true;
      queueMicrotask(this.#asked);
    }
    return turn;
  }

  /** Wakes the callers or sets the timer anew, after a result or when time has passed. */
  changed(): void {
    if (this.#list.size === 0) return;
    // Read once: the time could be over between two reads, and no caller would be woken.
    const { admitsInMs } = this.#breaker;
    if (admitsInMs === 0) return this.#list.wake();
    const dueAt = this.#clock.now() + admitsInMs;
    // A failed probe may have made it due sooner.
    if (this.#timer !== undefined && dueAt >= this.#dueAt) return;
    this.#disarm();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.setTimer(admitsInMs, this.#fire);
  }

  readonly #asked = (): void => {
    this.#isAsked = false;
    this.changed();
  };

  /** The platform's timers may fire a fraction early, and another one is set then. */
  readonly #fire = (): void => {
    this.#timer = undefined;
    this.changed();
  };

  readonly #emptied = (): void => {
    this.#breaker.waiting.delete(this);
    this.#disarm();
  };

  readonly #disarm = (): void => {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  };
}
