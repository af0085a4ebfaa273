/** What decides about the place of a queued call. */
export interface Ranked {
  readonly priority: number;
  /** Number of the call: later ones have higher numbers. */
  readonly arrival: number;
}

/**
 * Queued calls by rank: higher priority first, first come, first served within one. A sorted array:
 * without priorities, calls join at the end and leave at the beginning.
 */
export class Order<T extends Ranked> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The call whose turn it is. */
  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    const last = this.#items.at(-1);
    if (last === undefined || isBefore(last, item)) this.#items.push(item);
    else this.#items.splice(this.#indexOf(item), 0, item);
  }

  /** Returns whether it was there. */
  delete(item: T): boolean {
    const at = this.#indexOf(item);
    if (this.#items[at] !== item) return false;
    if (at === 0) this.#items.shift();
    else this.#items.splice(at, 1);
    return true;
  }

  /** From the lowest priority up, the latest first within one. */
  *fromLast(): Generator<T, void, undefined> {
    for (let at = this.#items.length - 1; at >= 0; at--) yield this.#items[at] as T;
  }

  /** Index of the first item that is not before this one. */
  #indexOf(item: T): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#items[middle] as T, item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.priority === b.priority ? a.arrival < b.arrival : a.priority > b.priority;
}
