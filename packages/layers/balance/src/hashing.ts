import { checkInteger, checkNumber, type Json, type Random, systemRandom } from "@pagoda/core";
import { type HashTable, greatestWeight, type Weighted } from "./hash-table.ts";
import { hash, hashes } from "./hash.ts";
import { scanReady } from "./scan-ready.ts";
import { type Candidate, isItsTurn, type Strategy } from "./strategy.ts";

/** Options common to the strategies that choose by key. */
export interface HashingOptions<in Req> {
  /**
   * Returns the key of a request; calls with the same key go to one endpoint. `undefined` goes to a
   * random one.
   */
  readonly key: (request: Req) => string | undefined;
  /**
   * An endpoint is skipped if it has more pending calls than this times the average for its weight:
   * over 1. Default: no limit.
   */
  readonly maxLoadRatio?: number;
  /**
   * Selects the mapping: an integer from 0 to 2³² − 1. Balancers with the same seed send a key to
   * the same endpoint. A client that does not know it cannot choose a key for a given endpoint.
   * Default 0.
   */
  readonly seed?: number;
  readonly random?: Random;
}

/** Makes a table for these endpoints; `before` is the previous one, if any. */
export type MakeTable<C extends HashTable> = (list: readonly Candidate[], before: C | undefined) => C;

/**
 * Chooses by key: the owner of the key's slot, or the owner of the next slot that can take the
 * call. Each endpoint is asked once.
 */
export class Hashing<Req, C extends HashTable> implements Strategy<Req> {
  readonly name: string;
  readonly options: { readonly [name: string]: Json };
  readonly #key: (request: Req) => string | undefined;
  readonly #seed: number;
  readonly #random: Random;
  readonly #make: MakeTable<C>;
  readonly #maxLoadRatio: number;
  #candidates: readonly Candidate[] = [];
  /** Keys and weights of the candidates at the last update, since candidates are mutable. */
  #list: readonly Weighted[] = [];
  /** Whether the table is not up to date with the list. */
  #isStale = true;
  #table: C | undefined;
  /** Sum of all weights, relative to the greatest. */
  #weights = 0;
  #greatest = 1;
  /**
   * The search in which each candidate was last asked, so that nothing has to be cleared in
   * between.
   */
  #asked = new Float64Array();
  #look = 0;

  constructor(
    name: string,
    options: { readonly [name: string]: Json },
    { key, maxLoadRatio = Infinity, seed = 0, random = systemRandom }: HashingOptions<Req>,
    make: MakeTable<C>,
  ) {
    checkNumber("balance: maxLoadRatio", maxLoadRatio, { above: 1, max: Infinity });
    checkInteger("balance: seed", seed, { min: 0, max: hashes - 1 });
    this.name = name;
    this.options = { ...options, ...(maxLoadRatio < Infinity && { maxLoadRatio }) };
    this.#key = key;
    this.#seed = seed;
    this.#random = random;
    this.#make = make;
    this.#maxLoadRatio = maxLoadRatio;
  }

  update(list: readonly Candidate[]): void {
    this.#candidates = list;
    if (isSame(list, this.#list)) return;
    this.#list = list.map(({ key, weight }) => ({ key, weight }));
    this.#isStale = true;
  }

  pick(request: Req): number {
    const candidates = this.#candidates;
    if (candidates.length === 0) return -1;
    const key = this.#key(request);
    const hashed = key === undefined ? Math.floor(this.#random() * hashes) : hash(key, this.#seed);
    const table = this.#isStale ? this.#renew() : (this.#table as C);
    const at = table.find(hashed);
    const first = table.owners[at] as number;
    const candidate = candidates[first] as Candidate;
    if (!candidate.isReady()) return this.#findNext(table.owners, at, -1);
    if (isItsTurn(candidate, this.#random) && this.#hasRoom(candidate)) return first;
    return this.#findNext(table.owners, at, first);
  }

  /** Rebuilds the table on demand, so that many changes at once cost one rebuild. */
  #renew(): C {
    const candidates = this.#candidates;
    const table = this.#make(candidates, this.#table);
    this.#greatest = greatestWeight(candidates);
    this.#weights = candidates.reduce((sum, { weight }) => sum + weight / this.#greatest, 0);
    this.#asked = new Float64Array(candidates.length);
    this.#table = table;
    this.#isStale = false;
    return table;
  }

  /**
   * Finds the next endpoint after a slot whose owner cannot take the call.
   *
   * @param passedOver The first one skipped although ready. It takes the call if no other does.
   */
  #findNext(owners: Uint32Array, from: number, passedOver: number): number {
    const candidates = this.#candidates;
    const asked = this.#asked;
    const look = ++this.#look;
    asked[owners[from] as number] = look;
    let left = candidates.length - 1;
    for (let step = 1, at = from; left > 0 && step < owners.length; step++) {
      at = at + 1 < owners.length ? at + 1 : 0;
      const place = owners[at] as number;
      if (asked[place] === look) continue;
      asked[place] = look;
      left--;
      const candidate = candidates[place] as Candidate;
      if (!candidate.isReady()) continue;
      if (isItsTurn(candidate, this.#random) && this.#hasRoom(candidate)) return place;
      if (passedOver < 0) passedOver = place;
    }
    if (passedOver >= 0 || left === 0) return passedOver;
    // Endpoints too light to own a slot.
    return scanReady(candidates, this.#random);
  }

  #hasRoom({ pending, weight }: Candidate): boolean {
    // One call is always allowed, so an idle endpoint needs no counting.
    if (pending === 0 || this.#maxLoadRatio === Infinity) return true;
    let calls = 1;
    for (const candidate of this.#candidates) calls += candidate.pending;
    const average = (calls * (weight / this.#greatest)) / this.#weights;
    return pending < Math.ceil(this.#maxLoadRatio * average);
  }
}

function isSame(list: readonly Weighted[], others: readonly Weighted[]): boolean {
  return (
    list.length === others.length &&
    list.every(({ key, weight }, n) => key === others[n]?.key && weight === others[n]?.weight)
  );
}
