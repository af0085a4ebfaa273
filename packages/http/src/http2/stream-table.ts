/** Number of slots at first; always a power of two. */
const initialSlots = 128;

/**
 * The open streams of one side by their identifiers, which only grow.
 *
 * A `Map` would do, but its backing store is replaced again and again as streams come and go, and a
 * discarded store that has become old keeps its successors and all their streams from the young
 * generation's collection. This is also faster: the slot of a stream follows from its identifier.
 */
export class StreamTable<S extends { readonly id: number }> {
  #slots: (S | undefined)[] = emptySlots(initialSlots);
  /** Long-lived streams whose slots are needed by others. */
  readonly #others = new Map<number, S>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | undefined {
    const stream = this.#slots[this.#slotOf(id)];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  /** Adds a stream that is not in the table. */
  add(stream: S): void {
    if (++this.#size > this.#slots.length / 2) this.#grow();
    this.#place(stream);
  }

  delete(id: number): void {
    const slot = this.#slotOf(id);
    if (this.#slots[slot]?.id === id) this.#slots[slot] = undefined;
    else if (!this.#others.delete(id)) return;
    this.#size--;
  }

  /** Returns the streams, oldest first. */
  all(): S[] {
    const all = [...this.#others.values(), ...this.#slots.filter((stream) => stream !== undefined)];
    return all.toSorted((a, b) => a.id - b.id);
  }

  #slotOf(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }

  #place(stream: S): void {
    const slot = this.#slotOf(stream.id);
    const before = this.#slots[slot];
    if (before !== undefined) this.#others.set(before.id, before);
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const all = this.all();
    this.#others.clear();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const stream of all) this.#place(stream);
  }
}

function emptySlots(length: number): undefined[] {
  return Array.from({ length }, () => undefined);
}
