import type { Clock } from "@pagoda/core";

/** The window moves in tenths. */
const slots = 10;

/** Counts calls and successes in a sliding window. Cost: one read of the clock. */
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

  /** Drops expired slots and returns the number of the current one. */
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
