import type { Clock } from "@pagoda/core";

/** The window moves in steps of a tenth. */
const slots = 10;

/** Counts the calls of the last so many milliseconds, and how many of them succeeded. Cost: a reading of the clock. */
export class Window {
  readonly #clock: Clock;
  readonly #slotMs: number;
  readonly #calls = Array.from({ length: slots }, () => 0);
  readonly #successes = Array.from({ length: slots }, () => 0);
  #slot: number;
  /** As of the last `add` or `moveOn`. */
  calls = 0;
  successes = 0;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#slotMs = ms / slots;
    this.#slot = Math.floor(clock.now() / this.#slotMs);
  }

  add(success: boolean): void {
    const at = this.moveOn() % slots;
    this.calls++;
    this.#calls[at] = (this.#calls[at] as number) + 1;
    if (!success) return;
    this.successes++;
    this.#successes[at] = (this.#successes[at] as number) + 1;
  }

  /** Drops what has become too old, and gives the number of the present slot. */
  moveOn(): number {
    const now = Math.floor(this.#clock.now() / this.#slotMs);
    if (now === this.#slot) return now;
    for (let steps = Math.min(now - this.#slot, slots); steps > 0; steps--) {
      const at = (now - steps + 1) % slots;
      this.calls -= this.#calls[at] as number;
      this.successes -= this.#successes[at] as number;
      this.#calls[at] = 0;
      this.#successes[at] = 0;
    }
    this.#slot = now;
    return now;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#successes.fill(0);
    this.calls = 0;
    this.successes = 0;
  }
}
