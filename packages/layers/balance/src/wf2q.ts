import { Heap } from "./heap.ts";

/** The time is reset beyond this, as fractions of a turn would be lost. */
const maxTime = 2 ** 32;
/** Maximum period in turns, beyond which an endpoint would never have a turn. */
const maxPeriod = 2 ** 52;
/** Tolerance for rounding errors. */
const tolerance = 1e-6;
/** No index. */
const none = -1;

export interface Share {
  readonly weight: number;
  /** Fraction of its period until its next turn; 0 for a turn at once. */
  readonly waits: number;
}

/**
 * Weighted round robin by WF2Q scheduling. Time is counted in turns. Each index has one turn per
 * period, and its period is the sum of all weights divided by its own. A turn becomes eligible when
 * the previous period ends, and of the eligible turns the one whose period ends first is next. So
 * no turn comes early, or late by much. If no turn is eligible, because the indexes that were could
 * not take it, time jumps to the next one.
 *
 * Indexes of the same weight form a FIFO queue, and the queues are kept in heaps.
 *
 * Cost: logarithmic in the number of different weights per turn; no allocation.
 */
export class Wf2q {
  readonly #begins: Float64Array;
  /** Queue of each index, and the next index in it. */
  readonly #queues: Uint32Array;
  readonly #behind: Int32Array;
  /** Period, head and tail of each queue. */
  readonly #periods: Float64Array;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  /** Queues whose first turn is eligible, by the end of its period. */
  readonly #begun: Heap;
  /** Other queues that are not empty, by the start of their first turn. */
  readonly #later: Heap;
  /** Indexes returned in this round, which are in no queue. */
  readonly #asked: Uint32Array;
  #askedCount = 0;
  #now = 0;
  /** Time at the start of this round. */
  #before = 0;

  constructor(shares: readonly Share[]) {
    const { length } = shares;
    const weights = [...new Set(shares.map(({ weight }) => weight))];
    const queueOf = new Map(weights.map((weight, queue) => [weight, queue]));
    // Divided by the greatest first, since the sum of large weights may overflow.
    const greatest = weights.reduce((most, weight) => Math.max(most, weight), 0);
    const sum = shares.reduce((total, { weight }) => total + weight / greatest, 0);
    this.#periods = Float64Array.from(weights, (weight) => Math.min(sum / (weight / greatest), maxPeriod));
    this.#heads = new Int32Array(weights.length).fill(none);
    this.#tails = new Int32Array(weights.length).fill(none);
    this.#begun = new Heap(weights.length);
    this.#later = new Heap(weights.length);
    this.#queues = Uint32Array.from(shares, ({ weight }) => queueOf.get(weight) as number);
    this.#begins = Float64Array.from(shares, ({ waits }, place) => waits * this.#periodOf(place));
    this.#behind = new Int32Array(length);
    this.#asked = new Uint32Array(length);
    const order = Uint32Array.from(shares.keys());
    order.sort((a, b) => (this.#begins[a] as number) - (this.#begins[b] as number) || a - b);
    for (const place of order) this.#append(place);
    this.#arrange();
  }

  /** Returns `waits` of {@link Share} for an index. */
  waits(place: number): number {
    return ((this.#begins[place] as number) - this.#now) / this.#periodOf(place);
  }

  /** Returns the next index, each once per round; -1 at the end of the round. */
  next(): number {
    const begun = this.#begun;
    const later = this.#later;
    if (begun.size === 0) {
      if (later.size === 0) return none;
      this.#now = Math.max(this.#now, later.least);
    }
    while (later.size > 0 && later.least <= this.#now + tolerance) this.#enter(later.take());
    const queue = begun.take();
    const place = this.#heads[queue] as number;
    const behind = this.#behind[place] as number;
    this.#heads[queue] = behind;
    if (behind !== none) this.#enter(queue);
    this.#asked[this.#askedCount++] = place;
    return place;
  }

  /** Ends the round: this index takes its turn, and those returned before it lose theirs. */
  served(served: number): void {
    const now = ++this.#now;
    for (let n = 0; n < this.#askedCount; n++) {
      const place = this.#asked[n] as number;
      const begin = (this.#begins[place] as number) + this.#periodOf(place);
      // Lost turns are not made up for, however far time has jumped.
      this.#begins[place] = place === served ? begin : Math.max(begin, now);
      if (this.#append(place)) this.#enter(this.#queues[place] as number);
    }
    this.#askedCount = 0;
    if (now > maxTime) this.#beginSmall();
    this.#before = this.#now;
  }

  /**
   * Ends the round. If no index was served, restores the state before it, as none could take a
   * turn.
   */
  over(): void {
    if (this.#askedCount === 0) return;
    this.#now = this.#before;
    while (this.#askedCount > 0) {
      const place = this.#asked[--this.#askedCount] as number;
      const queue = this.#queues[place] as number;
      // It was the head of its queue, so putting it back leaves the tail unchanged.
      this.#behind[place] = this.#heads[queue] as number;
      this.#heads[queue] = place;
    }
    this.#arrange();
  }

  #periodOf(place: number): number {
    return this.#periods[this.#queues[place] as number] as number;
  }

  /** Appends an index to its queue. Returns whether the queue was empty. */
  #append(place: number): boolean {
    const queue = this.#queues[place] as number;
    const isFirst = this.#heads[queue] === none;
    this.#behind[place] = none;
    if (isFirst) this.#heads[queue] = place;
    else this.#behind[this.#tails[queue] as number] = place;
    this.#tails[queue] = place;
    return isFirst;
  }

  /** Puts a queue into its heap. */
  #enter(queue: number): void {
    const begin = this.#begins[this.#heads[queue] as number] as number;
    if (begin <= this.#now + tolerance) this.#begun.add(queue, begin + (this.#periods[queue] as number));
    else this.#later.add(queue, begin);
  }

  #arrange(): void {
    this.#begun.clear();
    this.#later.clear();
    for (const [queue, head] of this.#heads.entries()) if (head !== none) this.#enter(queue);
  }

  #beginSmall(): void {
    for (const [place, begin] of this.#begins.entries()) this.#begins[place] = begin - this.#now;
    this.#now = 0;
    this.#arrange();
  }
}
