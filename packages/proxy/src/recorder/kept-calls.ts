/** Kept at most per second and kind of call. What is left out resembles what is kept. */
const perKind = 20;
/** The same for all kinds together. The first of each kind is always kept. */
const perSecond = 100;

/** Calls of one kind, the oldest first. */
interface Kind<T> {
  readonly calls: { readonly value: T; readonly at: number }[];
  second: number;
  inSecond: number;
}

/**
 * The last calls of one reason. When it is full, the oldest call of the most frequent kind makes room,
 * so a flood of one kind pushes out only its own.
 *
 * Cost: a call that is left out takes two comparisons; one that is kept takes a look at each kind.
 */
export class KeptCalls<T> {
  readonly #kinds = new Map<string, Kind<T>>();
  #size = 0;
  #second = -1;
  #inSecond = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Keeps a call unless many like it were kept within this second.
   *
   * @param kind What makes calls alike. The number of kinds must be bounded.
   * @param now Milliseconds.
   * @param max Maximum number of calls, at least 1.
   */
  offer(kind: string, now: number, max: number, make: () => T): void {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    let its = this.#kinds.get(kind);
    if (its === undefined) this.#kinds.set(kind, (its = { calls: [], second, inSecond: 0 }));
    if (its.second !== second) {
      its.second = second;
      its.inSecond = 0;
    }
    if (its.inSecond >= perKind || (its.inSecond > 0 && this.#inSecond >= perSecond)) return;
    its.inSecond++;
    this.#inSecond++;
    its.calls.push({ value: make(), at: now });
    this.#size++;
    while (this.#size > max) this.#makeRoom();
  }

  /** Drops the calls that were kept before `at`. */
  expire(at: number): void {
    for (const [name, { calls }] of this.#kinds) {
      while (calls.length > 0 && (calls[0] as { at: number }).at < at) {
        calls.shift();
        this.#size--;
      }
      if (calls.length === 0) this.#kinds.delete(name);
    }
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { calls } of this.#kinds.values()) for (const { value } of calls) yield value;
  }

  #makeRoom(): void {
    let [name, most] = ["", undefined as Kind<T> | undefined];
    for (const [each, kind] of this.#kinds)
      if (most === undefined || kind.calls.length > most.calls.length) [name, most] = [each, kind];
    if (most === undefined) return;
    most.calls.shift();
    this.#size--;
    // A kind of this second keeps its count, or its flood would start afresh.
    if (most.calls.length === 0 && most.second !== this.#second) this.#kinds.delete(name);
  }
}
