import { type Clock, stallMs, systemClock, type Timer } from "@pagoda/core";

/** Grace period after a stall of the process, in which pending data is read first. */
const secondLookMs = 1;

/** Something with a time limit. */
export interface Expiring {
  /** Its time is over. `isLocal`: while this process was stalled. */
  expired(isLocal: boolean): void;
}

/** A place in a list of {@link Deadlines}. */
export interface Deadline {
  readonly owner: Expiring;
  readonly dueAt: number;
  before: Deadline | undefined;
  after: Deadline | undefined;
}

/**
 * Time limits of the same length, in the order in which they expire: with one timer for all, setting
 * and clearing one takes a tenth of the time of a timer of its own.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #clock: Clock;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: Timer | undefined;
  #timerDueAt = 0;
  /** The timer fired late; what was due at this time gets a second look. */
  #stalledAt: number | undefined;

  constructor(ms: number, clock: Clock = systemClock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  add(owner: Expiring): Deadline {
    const now = this.#clock.now();
    const deadline: Deadline = { owner, dueAt: now + this.#ms, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.after = deadline;
    this.#last = deadline;
    if (this.#timer === undefined) this.#wait(this.#ms, now);
    return deadline;
  }

  /** Call once for each that has not expired. */
  remove(deadline: Deadline): void {
    const { before, after } = deadline;
    // One that has become old would keep all later ones from the young generation's collection.
    deadline.before = undefined;
    deadline.after = undefined;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
  }

  #wait(ms: number, now: number): void {
    this.#timerDueAt = now + ms;
    this.#timer = this.#clock.setTimer(ms, this.#look);
    // It outlives its deadlines. What has one keeps the process running by itself.
    (this.#timer as Partial<NodeJS.Timeout>).unref?.();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    if (this.#stalledAt === undefined && now - this.#timerDueAt > stallMs) {
      this.#stalledAt = now;
      return this.#wait(secondLookMs, now);
    }
    const stalledAt = this.#stalledAt;
    this.#stalledAt = undefined;
    const until = stalledAt ?? now;
    for (let each = this.#first; each !== undefined && each.dueAt <= until; each = this.#first) {
      this.remove(each);
      each.owner.expired(stalledAt !== undefined);
    }
    const next = this.#first as Deadline | undefined;
    if (next !== undefined && this.#timer === undefined) this.#wait(Math.max(1, next.dueAt - now), now);
  };
}
