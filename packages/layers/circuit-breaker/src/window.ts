import { type Clock, Slots } from "@pagoda/core";

/** The window moves in tenths. */
const slots = 10;

/**
 * Counts calls and successes in a sliding window. Under load most successes do not read the clock:
 * see core's `Slots`.
 */
export class Window {
  readonly #time: Slots;
  readonly #calls = Array.from({ length: slots }, () => 0);
  readonly #successes = Array.from({ length: slots }, () => 0);
  #slot: number;
  /** As of the last `add` or `moveOn`. */
  calls = 0;
  successes = 0;

  constructor(clock: Clock, ms: number) {
    this.#time = new Slots(clock, ms / slots);
    this.#slot = this.#time.exactly();
  }

  add(success: boolean): void {
    const slot = success ? this.#time.roughly() : this.#time.exactly();
    this.#move(slot);
    const at = slot % slots;
    this.calls++;
    this.#calls[at] = (this.#calls[at] as number) + 1;
    if (!success) return;
    this.successes++;
    this.#successes[at] = (this.#successes[at] as number) + 1;
  }

  /** Drops expired slots. */
  moveOn(): void {
    this.#move(this.#time.exactly());
  }

  #move(now: number): void {
    if (now === this.#slot) return;
    for (let steps = Math.min(now - this.#slot, slots); steps > 0; steps--) {
      const at = (now - steps + 1) % slots;
      this.calls -= this.#calls[at] as number;
      this.successes -= this.#successes[at] as number;
      this.#calls[at] = 0;
      this.#successes[at] = 0;
    }
    this.#slot = now;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#successes.fill(0);
    this.calls = 0;
    this.successes = 0;
  }
}
