import { checkInteger, checkNumber, type Json, type Random, systemRandom } from "@pagoda/core";
import { type Circle, greatestWeight, type Weighted } from "./circle.ts";
import { hash, hashes } from "./hash.ts";
import { lookOn } from "./look-on.ts";
import { type Candidate, isItsTurn, type Strategy } from "./strategy.ts";

/** What all have in common that choose by a key. */
export interface HashingOptions<in Req> {
  /** What a request belongs to: calls of one key go to one endpoint. `undefined`: any will do, and chance decides. */
  readonly key: (request: Req) => string | undefined;
  /**
   * With more calls under way than this many times the average for its weight, an endpoint is passed over: a ratio over
   * 1. Default: none is.
   */
  readonly maxLoadRatio?: number;
  /**
   * Which of many mappings it is: a whole number from 0, below 2³². Balancers with the same one send a key to the same
   * endpoint; who does not know it cannot choose a key for a certain endpoint. Default 0.
   */
  readonly seed?: number;
  readonly random?: Random;
}

/** A circle for these endpoints; `before` is the last one, where there is one. */
export type MakeCircle<C extends Circle> = (list: readonly Candidate[], before: C | undefined) => C;

/**
 * Chooses by a key: the endpoint that a circle gives for its hash, or the next one along the circle that can take the
 * call, each asked once.
 */
export class Hashing<Req, C extends Circle> implements Strategy<Req> {
  readonly name: string;
  readonly options: { readonly [name: string]: Json };
  readonly #key: (request: Req) => string | undefined;
  readonly #seed: number;
  readonly #random: Random;
  readonly #make: MakeCircle<C>;
  readonly #maxLoadRatio: number;
  #candidates: readonly Candidate[] = [];
  /** What the candidates were when a circle was last asked for; they change without a word. */
  #list: readonly Weighted[] = [];
  /** The circle is not of this list yet. */
  #isStale = true;
  #circle: C | undefined;
  /** Of all candidates together, compared with the greatest. */
  #weights = 0;
  #greatest = 1;
  /** In which look along the circle a candidate was asked last: so nothing is cleared between two looks. */
  #asked = new Float64Array();
  #look = 0;

  constructor(
    name: string,
    options: { readonly [name: string]: Json },
    { key, maxLoadRatio = Infinity, seed = 0, random = systemRandom }: HashingOptions<Req>,
    make: MakeCircle<C>,
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
    const circle = this.#isStale ? this.#renew() : (this.#circle as C);
    const at = circle.find(hashed);
    const first = circle.owners[at] as number;
    const candidate = candidates[first] as Candidate;
    if (!candidate.isReady()) return this.#lookAlong(circle.owners, at, -1);
    if (isItsTurn(candidate, this.#random) && this.#hasRoom(candidate)) return first;
    return this.#lookAlong(circle.owners, at, first);
  }

  /** Only when it is needed, so that of many changes at once the last one is paid for. */
  #renew(): C {
    const candidates = this.#candidates;
    const circle = this.#make(candidates, this.#circle);
    this.#greatest = greatestWeight(candidates);
    this.#weights = candidates.reduce((sum, { weight }) => sum + weight / this.#greatest, 0);
    this.#asked = new Float64Array(candidates.length);
    this.#circle = circle;
    this.#isStale = false;
    return circle;
  }

  /**
   * The next one after a place whose owner cannot take the call.
   *
   * @param passedOver The first that was ready and yet passed over: it takes the call when no other does.
   */
  #lookAlong(owners: Uint32Array, from: number, passedOver: number): number {
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
    // Those that are too light to have a place on the circle.
    return lookOn(candidates, this.#random);
  }

  #hasRoom({ pending, weight }: Candidate): boolean {
    // One call is always allowed, so nothing is counted where nobody is busy.
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
