import { byKey, type HashTable, greatestWeight, type Weighted } from "./hash-table.ts";
import { hash, hashes, otherSeed } from "./hash.ts";

/** End of a list. */
const none = -1;

export interface TableSettings {
  /** Number of slots: a prime. */
  readonly tableSize: number;
  readonly seed: number;
}

/**
 * A table in which each endpoint owns slots in proportion to its weight. Each endpoint has its own
 * permutation of all slots and in turn takes the first free one. An endpoint of half the greatest
 * weight gets every other turn.
 *
 * Source: D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer"
 * (2016), section 3.4; weights as in Envoy.
 */
export class MaglevTable implements HashTable {
  readonly owners: Uint32Array;
  readonly #scale: number;

  constructor(list: readonly Weighted[], { tableSize, seed }: TableSettings) {
    this.owners = new Uint32Array(tableSize);
    this.#scale = tableSize / hashes;
    if (list.length > 0) fill(this.owners, list, seed);
  }

  find(wanted: number): number {
    return Math.floor(wanted * this.#scale);
  }
}

function fill(owners: Uint32Array, list: readonly Weighted[], seed: number): void {
  const size = owners.length;
  const greatest = greatestWeight(list);
  const isTaken = new Uint8Array(size);
  const wishes = new Float64Array(list.length);
  const steps = new Float64Array(list.length);
  const turns = new Float64Array(list.length);
  /**
   * The endpoints with a turn in each round, as linked lists, so that the others cost nothing in
   * it.
   */
  const heads = new Int32Array(size + 1).fill(none);
  const tails = new Int32Array(size + 1);
  const behind = new Int32Array(list.length);
  for (const place of byKey(list)) {
    const { key } = list[place] as Weighted;
    wishes[place] = hash(key, seed) % size;
    steps[place] = 1 + (hash(key, otherSeed(seed)) % (size - 1));
    enter(place);
  }

  function enter(place: number): void {
    // Half a turn early, so that shares are rounded to the nearest and not down.
    const turn = (turns[place] as number) + 0.5;
    const round = Math.ceil(turn * (greatest / (list[place] as Weighted).weight));
    if (!(round <= size)) return;
    turns[place]!++;
    behind[place] = none;
    if (heads[round] === none) heads[round] = place;
    else behind[tails[round] as number] = place;
    tails[round] = place;
  }

  let free = size;
  for (let round = 1; free > 0; round++) {
    for (let place = heads[round] as number; place !== none && free > 0;) {
      let wish = wishes[place] as number;
      const step = steps[place] as number;
      while (isTaken[wish] === 1) wish = wish + step < size ? wish + step : wish + step - size;
      isTaken[wish] = 1;
      owners[wish] = place;
      wishes[place] = wish;
      free--;
      const next = behind[place] as number;
      enter(place);
      place = next;
    }
  }
}
