import { Heap } from "./heap.ts";

/** When time has become so great it begins small again: fractions of a turn would be lost. */
const maxTime = 2 ** 32;
/** No period is longer, in turns: what is beyond has no turn in a lifetime. */
const maxPeriod = 2 ** 52;
/** Sums of fractions miss whole numbers by a little. */
const tolerance = 1e-6;
/** No place. */
const none = -1;

export interface Share {
  readonly weight: number;
  /** Which part of its period passes before it may have a turn again: 0 for one that may at once. */
  readonly waits: number;
}

/**
 * Whose turn it is, by weight. Time is counted in turns. Each place has a turn in each of its periods, which are as long
 * as all weights together are compared with its own: a turn begins when the last period is over, and of those that
 * have begun, the one whose period ends first is next. So none comes early, and none late by much. Where no turn has
 * begun, because those whose turn it is could not take it, time jumps to the first that does.
 *
 * Places of one weight stand in a queue, in which the first is always next; the queues stand in heaps.
 *
 * Cost: a turn is logarithmic in the number of different weights; no allocation.
 */
export class Turns {
  readonly #begins: Float64Array;
  /** Which queue a place stands in, and who is behind it. */
  readonly #queues: Uint32Array;
  readonly #behind: Int32Array;
  /** Of each queue. */
  readonly #periods: Float64Array;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  /** The queues whose first turn has begun, by its end. */
  readonly #begun: Heap;
  /** The others that are not empty, by the beginning of their first turn. */
  readonly #later: Heap;
  /** Those asked in this round, who stand in no queue. */
  readonly #asked: Uint32Array;
  #askedCount = 0;
  #now = 0;
  /** The time at which this round began. */
  #before = 0;

  constructor(shares: readonly Share[]) {
    const { length } = shares;
    const weights = [...new Set(shares.map(({ weight }) => weight))];
    const queueOf = new Map(weights.map((weight, queue) => [weight, queue]));
    // Compared with the greatest first, for the sum of great weights may be beyond what a number can hold.
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

  /** What {@link Share} calls `waits`. */
  waits(place: number): number {
    return ((this.#begins[place] as number) - this.#now) / this.#periodOf(place);
  }

  /** Whose turn it is, each place once in a round; -1 when all have been asked. */
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

  /** That one takes the turn: the round is over, and whoever was asked before it has lost a turn. */
  served(served: number): void {
    const now = ++this.#now;
    for (let n = 0; n < this.#askedCount; n++) {
      const place = this.#asked[n] as number;
      const begin = (this.#begins[place] as number) + this.#periodOf(place);
      // Who loses turns does not catch up, however far time has jumped meanwhile.
      this.#begins[place] = place === served ? begin : Math.max(begin, now);
      if (this.#append(place)) this.#enter(this.#queues[place] as number);
    }
    this.#askedCount = 0;
    if (now > maxTime) this.#beginSmall();
    this.#before = this.#now;
  }

  /** The round is over. If nobody was served, all is as before it: nobody could have had a turn. */
  over(): void {
    if (this.#askedCount === 0) return;
    this.#now = this.#before;
    while (this.#askedCount > 0) {
      const place = this.#asked[--this.#askedCount] as number;
      const queue = this.#queues[place] as number;
      // It was the first of its queue, so the last one is who it was.
      this.#behind[place] = this.#heads[queue] as number;
      this.#heads[queue] = place;
    }
    this.#arrange();
  }

  #periodOf(place: number): number {
    return this.#periods[this.#queues[place] as number] as number;
  }

  /** To the end of its queue. Tells whether that was empty. */
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
