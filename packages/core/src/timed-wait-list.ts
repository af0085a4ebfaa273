import { type Clock, maxTimerMs, type Timer } from "./clock.ts";
import { WaitList } from "./wait-list.ts";

/**
 * The waiters for a limit that admits calls as time passes: a {@link WaitList} with one timer, which
 * runs only while a caller waits.
 */
export class TimedWaitList {
  readonly #clock: Clock;
  readonly #waitMs: () => number;
  readonly #list: WaitList;
  #timer: Timer | undefined;
  #dueAt = 0;
  #isAsked = false;

  /**
   * @param waitMs Returns the milliseconds until a call would be admitted if nothing else happened;
   * 0 if now.
   */
  constructor(clock: Clock, waitMs: () => number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#list = new WaitList(() => waitMs() === 0, this.#disarm);
  }

  /** Number of waiters. */
  get size(): number {
    return this.#list.size;
  }

  /** Returns `undefined` when a call would be admitted, else a place in the queue. */
  ready(): undefined | Promise<void> {
    const turn = this.#list.ready();
    // A balancer that only asks leaves within this tick, which must not cost a timer.
    if (this.#list.size > 0 && !this.#isAsked) {
      this.#isAsked = true;
      queueMicrotask(this.#asked);
    }
    return turn;
  }

  /** Wakes the first waiter or sets the timer anew: call it when `waitMs` may have become shorter. */
  changed(): void {
    this.#list.wake();
    if (this.#list.size === 0) return;
    // Even if it is 0, to check again when the woken caller has had its turn.
    const waitMs = this.#waitMs();
    const dueAt = this.#clock.now() + waitMs;
    if (this.#timer !== undefined && dueAt >= this.#dueAt) return;
    this.#disarm();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.setTimer(Math.min(waitMs, maxTimerMs), this.#fire);
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

  readonly #disarm = (): void => {
    if (this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  };
}
