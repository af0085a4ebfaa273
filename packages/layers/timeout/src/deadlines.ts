import { type Clock, stallMs, type Timer } from "@pagoda/core";

/** A deadline in a linked list. */
export abstract class Deadline {
  /** By the clock's `now()`; of a deadline that is set. */
  at = 0;
  isSet = false;
  before: Deadline | undefined;
  after: Deadline | undefined;

  /** @param wasHeldUp The deadline passed because this process was stalled. */
  abstract expire(wasHeldUp: boolean): void;
}

/** Delay after a stall, in which pending input is read before deadlines expire. */
const secondLookMs = 1;

/**
 * Deadlines with the same duration, so that each new one is the last. They form a list with one
 * timer for the first. Setting and clearing one costs about 100 ns while others are set; a platform
 * timer costs 500.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #ms: number;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: Timer | undefined;
  #firesAt = 0;
  #wasHeldUp = false;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** Sets a deadline anew, or one that is not set. */
  set(deadline: Deadline): void {
    this.clear(deadline);
    deadline.at = this.#clock.now() + this.#ms;
    deadline.isSet = true;
    deadline.before = this.#last;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.after = deadline;
    this.#last = deadline;
    if (this.#timer === undefined) this.#wait(deadline.at, this.#ms);
  }

  /**
   * Removes a deadline, if it is set. The timer stays while others are set and finds the next one when it
   * fires.
   */
  clear(deadline: Deadline): void {
    if (!deadline.isSet) return;
    const { before, after } = deadline;
    deadline.isSet = false;
    // Otherwise a deadline in the old generation would keep all later ones alive until a full
    // collection.
    deadline.before = undefined;
    deadline.after = undefined;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.#first !== undefined || this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#wasHeldUp = false;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    if (now - this.#firesAt > stallMs) {
      this.#wasHeldUp = true;
      return this.#wait(now + secondLookMs, secondLookMs);
    }
    const wasHeldUp = this.#wasHeldUp;
    this.#wasHeldUp = false;
    for (let first = this.#first; first !== undefined && first.at <= now; first = this.#first) {
      this.clear(first);
      first.expire(wasHeldUp);
    }
    // Expired deadlines may have set new ones, and with them the timer.
    if (this.#first === undefined || this.#timer !== undefined) return;
    this.#wait(this.#first.at, this.#first.at - now);
  };

  #wait(firesAt: number, ms: number): void {
    this.#firesAt = firesAt;
    this.#timer = this.#clock.setTimer(ms, this.#fire);
  }
}
