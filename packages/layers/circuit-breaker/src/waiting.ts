import { type Clock, type Timer, WaitList } from "@pagoda/core";
import type { Breaker } from "./breaker.ts";

/** Those who wait for a breaker, in order. One timer for all of them, and only while somebody waits for the time. */
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
    // A balancer only asks, and has left before this tick is over: that must not cost a timer.
    if (turn !== undefined && !this.#isAsked) {
      this.#isAsked = true;
      queueMicrotask(this.#asked);
    }
    return turn;
  }

  /** The breaker has heard of a call, or time has passed. */
  changed(): void {
    if (this.#list.size === 0) return;
    // One look at the clock: between two of them its time could pass, and nobody would be woken.
    const { admitsInMs } = this.#breaker;
    if (admitsInMs === 0) return this.#list.wake();
    const dueAt = this.#clock.now() + admitsInMs;
    // A probe that has failed may have made it sooner.
    if (this.#timer !== undefined && dueAt >= this.#dueAt) return;
    this.#disarm();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.setTimer(admitsInMs, this.#fire);
  }

  readonly #asked = (): void => {
    this.#isAsked = false;
    this.changed();
  };

  /** Timers of the platform may fire a fraction early: then another one is set. */
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
