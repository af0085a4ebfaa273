import type { Clock } from "./clock.ts";

/** An event may be counted a slot too early if it is one of this share of the slot's events. */
const earlyShare = 1 / 16;

/**
 * The slots of a sliding window: numbers that grow with time.
 *
 * Frequent events do not read the clock each time ({@link Slots.roughly}). As long as the slot has not
 * changed, a sixteenth of as many events as it has had so far are counted for it unread. When there
 * is a pause in between, these few expire up to a window too early.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #slotMs: number;
  /** As of the last reading. */
  #current: number;
  /** Events counted in it by `roughly`. */
  #events = 0;
  /** Events that do not read the clock. */
  #unread = 0;

  constructor(clock: Clock, slotMs: number) {
    this.#clock = clock;
    this.#slotMs = slotMs;
    this.#current = Math.floor(clock.now() / slotMs);
  }

  /** Returns the present slot. Reads the clock. */
  exactly(): number {
    const now = Math.floor(this.#clock.now() / this.#slotMs);
    if (now !== this.#current) {
      this.#current = now;
      this.#events = 0;
      this.#unread = 0;
    }
    return now;
  }

  /** Returns the slot of an event: the present one, or that of the last reading. */
  roughly(): number {
    if (this.#unread > 0) {
      this.#unread--;
      this.#events++;
      return this.#current;
    }
    const now = this.exactly();
    this.#unread = Math.floor(++this.#events * earlyShare);
    return now;
  }
}
