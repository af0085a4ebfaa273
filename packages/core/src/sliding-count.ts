/**
 * Counts events in a sliding window of {@link Slots}: adding one costs the same however long the
 * window is.
 */
export class SlidingCount {
  readonly #counts: number[];
  /** The last slot of the window. */
  #slot: number;
  /** Its place in the ring. */
  #at: number;
  /** Events in the window as it was last moved. */
  total = 0;

  /**
   * @param length Slots in the window.
   * @param slot The present one.
   */
  constructor(length: number, slot: number) {
    this.#counts = Array.from({ length }, () => 0);
    this.#slot = slot;
    this.#at = slot % length;
  }

  /** Moves the window, so that it ends with a slot, and counts an event in it. */
  add(slot: number): void {
    this.moveTo(slot);
    this.#counts[this.#at] = (this.#counts[this.#at] as number) + 1;
    this.total++;
  }

  /** Moves the window, so that it ends with a slot: drops what was counted in expired ones. */
  moveTo(slot: number): void {
    if (slot === this.#slot) return;
    const { length } = this.#counts;
    for (let steps = Math.min(slot - this.#slot, length); steps > 0; steps--) {
      const at = (slot - steps + 1) % length;
      this.total -= this.#counts[at] as number;
      this.#counts[at] = 0;
    }
    this.#slot = slot;
    this.#at = slot % length;
  }
}
