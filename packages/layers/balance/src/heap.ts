/**
 * A binary min-heap of integers by rank. Equal ranks are ordered by the integers.
 *
 * Cost: logarithmic per operation; no allocation.
 */
export class Heap {
  readonly #ranks: Float64Array;
  readonly #items: Uint32Array;
  #size = 0;

  /** @param most Capacity. */
  constructor(most: number) {
    this.#ranks = new Float64Array(most);
    this.#items = new Uint32Array(most);
  }

  get size(): number {
    return this.#size;
  }

  /** The least rank. The heap must not be empty. */
  get least(): number {
    return this.#ranks[0] as number;
  }

  add(item: number, rank: number): void {
    this.#rise(this.#size++, item, rank);
  }

  /** Removes and returns the first integer. The heap must not be empty. */
  take(): number {
    const ranks = this.#ranks;
    const items = this.#items;
    const first = items[0] as number;
    const size = --this.#size;
    let at = 0;
    // Moves the gap down to a leaf, and sifts the last element up from there. It seldom rises far,
    // and this saves the comparisons with it on the way down.
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1;
      if (right < size && this.#isBefore(right, child)) child = right;
      ranks[at] = ranks[child] as number;
      items[at] = items[child] as number;
      at = child;
    }
    this.#rise(at, items[size] as number, ranks[size] as number);
    return first;
  }

  clear(): void {
    this.#size = 0;
  }

  #isBefore(one: number, other: number): boolean {
    const difference = (this.#ranks[one] as number) - (this.#ranks[other] as number);
    return (
      difference < 0 || (difference === 0 && (this.#items[one] as number) < (this.#items[other] as number))
    );
  }

  #rise(from: number, item: number, rank: number): void {
    const ranks = this.#ranks;
    const items = this.#items;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = ranks[parent] as number;
      if (above < rank || (above === rank && (items[parent] as number) < item)) break;
      ranks[at] = above;
      items[at] = items[parent] as number;
      at = parent;
    }
    ranks[at] = rank;
    items[at] = item;
  }
}
