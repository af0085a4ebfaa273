import { type Json, machineNow } from "@pagoda/core";
import { halves, hash } from "./hash.ts";
import { fewestLeft } from "./left.ts";
import type { FullRate } from "./rate.ts";
import { Table, ways } from "./shared-memory.ts";
import type { Decision, Grant, Left, LeasingStore, Rates, Refusal } from "./store.ts";

export interface SharedStoreOptions {
  /** A clock common to all users of the memory, in milliseconds. Default: the machine clock. */
  readonly sharedNow?: () => number;
}

/**
 * Time units per millisecond: 1/256 ns, so that intervals are hardly rounded. 2^63 of them are 417
 * days.
 */
const perMs = 256_000_000;
/** The greatest time that the memory can hold. */
const greatest = 2n ** 63n - 1n;
/**
 * Number of clock comparisons. The minimum counts, since a delay can only make the difference look
 * larger.
 */
const comparisons = 16;

/**
 * Keeps limits in memory shared by threads, so that a limit applies to all of them together. Each
 * thread creates its own store of the same memory. Decisions use compare-and-swap and no locks: a
 * terminated thread costs the others at most the call it was about to take.
 *
 * The global limit is exact, up to rounding its interval to 1/256 ns. A call is taken from the
 * key's limit first, then from the global one. If another thread took the last call of that
 * meanwhile, the key's call is given back. In between, a call of the key may be refused
 * unnecessarily, but never admitted in excess.
 *
 * Keys are identified by a 64-bit hash whose key is in the memory. A key can be in one of 8 places.
 * A key without debt is replaced freely, since it equals a new one. If all 8 have debt, the one
 * with the least is replaced and the new key inherits its debt. So an attacker who sprays keys
 * frees no throttled key, and delays others at most for as long as those keys have debt. Two
 * threads that race for a place may count one call for the wrong key.
 *
 * The memory can be passed on to stores with other rates. Debt is kept as time, up to one burst of
 * the new rate: a store with new rates goes over all keys at its first use.
 *
 * Cost per decision: about 0.1 µs for the global limit, 0.5 µs with a key. Memory: see
 * `sharedMemory`.
 *
 * @returns A value for the option `store` of {@link rateLimit}.
 * @throws RangeError if the memory was not created by `sharedMemory`.
 */
export function sharedStore(
  memory: SharedArrayBuffer,
  { sharedNow = machineNow }: SharedStoreOptions = {},
): (rates: Rates) => LeasingStore {
  const table = new Table(memory);
  return (rates) => new SharedStore(table, rates, sharedNow);
}

/** The generic cell rate algorithm on one timestamp, in units of 1/256 ns. */
class SharedGcra {
  readonly rate: FullRate;
  readonly interval: bigint;
  /** How far ahead of now the TAT may be before a call, and after one. */
  readonly #slack: bigint;
  readonly most: bigint;

  constructor(rate: FullRate) {
    const { perSecond, burst } = rate;
    this.rate = rate;
    this.interval = BigInt(Math.round((1_000 * perMs) / perSecond));
    this.#slack = atMost(this.interval * BigInt(burst - 1), greatest);
    this.most = atMost(this.#slack + this.interval, greatest);
  }

  // `asIntN` lets the compiler use the machine's integers; a BigInt without it is allocated. The
  // results fit, since times do.

  /** Time until a call conforms, 0 or less if it does now. */
  wait(tat: bigint, now: bigint): bigint {
    return BigInt.asIntN(64, this.#debt(tat, now) - this.#slack);
  }

  /** The TAT after a call made now. */
  next(tat: bigint, now: bigint): bigint {
    const debt = this.#debt(tat, now);
    return BigInt.asIntN(64, BigInt.asIntN(64, now + (debt > 0n ? debt : 0n)) + this.interval);
  }

  /** Number of calls that would conform now. */
  left(tat: bigint, now: bigint): number {
    const debt = this.#debt(tat, now);
    return this.rate.burst - (debt > 0n ? Number((debt + this.interval - 1n) / this.interval) : 0);
  }

  /**
   * How far the TAT is ahead of now, at most one burst. It can only be further ahead while rates
   * change.
   */
  #debt(tat: bigint, now: bigint): bigint {
    const debt = BigInt.asIntN(64, tat - now);
    return debt > this.most ? this.most : debt;
  }
}

class SharedStore implements LeasingStore {
  readonly #table: Table;
  readonly #sharedNow: () => number;
  readonly #global: SharedGcra | undefined;
  readonly #keyed: SharedGcra | undefined;
  readonly #rates: string;
  /** Difference between the layer's clock and the time since the memory was created. */
  #offsetMs = Infinity;
  #compared = 0;

  constructor(table: Table, { global, keyed }: Rates, sharedNow: () => number) {
    this.#table = table;
    this.#sharedNow = sharedNow;
    this.#global = global && new SharedGcra(global);
    this.#keyed = keyed && new SharedGcra(keyed);
    this.#rates = JSON.stringify([global, keyed]);
  }

  take(key: string | undefined, nowMs: number): Decision {
    const now = this.#at(nowMs);
    const keyed = key === undefined ? undefined : this.#keyed;
    const { global, tat } = this.#table;
    if (keyed === undefined) {
      const late = this.#global === undefined ? 0n : takeFrom(this.#global, global, 0, now);
      return late > 0n ? refusal(0n, late) : undefined;
    }
    const place = this.#placeOf(key as string);
    const globalWait = this.#global === undefined ? 0n : this.#global.wait(Atomics.load(global, 0), now);
    const keyedWait = keyed.wait(Atomics.load(tat, place), now);
    if (keyedWait > 0n || globalWait > 0n) return refusal(keyedWait, globalWait);
    const keyLate = takeFrom(keyed, tat, place, now);
    if (keyLate > 0n) return refusal(keyLate, 0n);
    if (this.#global === undefined) return undefined;
    const late = takeFrom(this.#global, global, 0, now);
    if (late <= 0n) return undefined;
    Atomics.sub(tat, place, keyed.interval);
    return refusal(0n, late);
  }

  lease(key: string | undefined, calls: number, nowMs: number): Grant {
    const now = this.#at(nowMs);
    const limit = key === undefined ? this.#global : this.#keyed;
    if (limit === undefined) return { granted: calls, retryAfterMs: 0 };
    const stamps = key === undefined ? this.#table.global : this.#table.tat;
    const at = key === undefined ? 0 : this.#placeOf(key);
    for (let tat = Atomics.load(stamps, at); ;) {
      const granted = Math.min(calls, limit.left(tat, now));
      const next = granted > 0 ? limit.next(tat, now) + limit.interval * BigInt(granted - 1) : tat;
      const found = Atomics.compareExchange(stamps, at, tat, next);
      if (found === tat)
        return { granted, retryAfterMs: msOf(limit.wait(next, now)), left: limit.left(next, now) };
      tat = found;
    }
  }

  giveBack(key: string | undefined, calls: number): void {
    const limit = key === undefined ? this.#global : this.#keyed;
    if (limit === undefined || calls <= 0) return;
    if (key === undefined) Atomics.sub(this.#table.global, 0, limit.interval * BigInt(calls));
    else Atomics.sub(this.#table.tat, this.#placeOf(key), limit.interval * BigInt(calls));
  }

  left(key: string | undefined, nowMs: number): Left | undefined {
    const now = this.#at(nowMs);
    const { global, tat } = this.#table;
    const ofKey =
      key === undefined || this.#keyed === undefined
        ? undefined
        : this.#keyed.left(Atomics.load(tat, this.#placeOf(key)), now);
    const fewest = fewestLeft(
      { global: this.#global?.rate, keyed: this.#keyed?.rate },
      this.#global?.left(Atomics.load(global, 0), now),
      ofKey,
    );
    return fewest && { ...fewest, isEstimate: true };
  }

  globalWaitMs(nowMs: number): number {
    if (this.#global === undefined) return 0;
    return msOf(this.#global.wait(Atomics.load(this.#table.global, 0), this.#at(nowMs)));
  }

  state(nowMs: number): { readonly [name: string]: Json } {
    if (this.#global === undefined) return { shared: true };
    const globalLeft = this.#global.left(Atomics.load(this.#table.global, 0), this.#at(nowMs));
    return { shared: true, globalLeft };
  }

  #at(nowMs: number): bigint {
    if (this.#compared < comparisons) {
      if (this.#compared++ === 0) this.#forgive();
      this.#offsetMs = Math.min(this.#offsetMs, this.#sharedNow() - nowMs - this.#table.epochMs);
    }
    return unitsOf(nowMs + this.#offsetMs);
  }

  /**
   * After a change of rates, forgives what limits owe beyond one burst. A raised limit would otherwise
   * refuse for as long as the old one.
   */
  #forgive(): void {
    const { global, tat, epochMs } = this.#table;
    if (!this.#table.takesRates(this.#rates)) return;
    const now = unitsOf(this.#sharedNow() - epochMs);
    if (this.#global !== undefined) lower(global, 0, now + this.#global.most);
    if (this.#keyed === undefined) return;
    for (let place = 0; place < tat.length; place++) lower(tat, place, now + this.#keyed.most);
  }

  /** Returns the place of a key. A new key replaces the one with the least debt. */
  #placeOf(key: string): number {
    const { tags, tat, buckets, hashKey } = this.#table;
    hash(key, hashKey[0], hashKey[1]);
    const tag = halves[0] || 1;
    const first = (((halves[1] as number) >>> 0) % buckets) * ways;
    for (;;) {
      let least = first;
      let leastTat = 0n;
      for (let place = first; place < first + ways; place++) {
        const other = Atomics.load(tags, place);
        if (other === tag) return place;
        const paid = other === 0 ? -1n : Atomics.load(tat, place);
        if (place > first && paid >= leastTat) continue;
        least = place;
        leastTat = paid;
      }
      const before = Atomics.load(tags, least);
      if (before === tag || Atomics.compareExchange(tags, least, before, tag) === before) return least;
    }
  }
}

/** Lowers a stamp to the most that it may be. */
function lower(stamps: BigInt64Array, at: number, most: bigint): void {
  for (let tat = Atomics.load(stamps, at); tat > most; tat = Atomics.load(stamps, at))
    Atomics.compareExchange(stamps, at, tat, most);
}

/**
 * Takes a call from a limit. A result over 0 is the time until it would conform; nothing was taken.
 */
function takeFrom(limit: SharedGcra, stamps: BigInt64Array, at: number, now: bigint): bigint {
  for (let tat = Atomics.load(stamps, at); ;) {
    const wait = limit.wait(tat, now);
    if (wait > 0n) return wait;
    const found = Atomics.compareExchange(stamps, at, tat, limit.next(tat, now));
    if (found === tat) return 0n;
    tat = found;
  }
}

function refusal(keyed: bigint, global: bigint): Refusal {
  return keyed > global
    ? { limit: "keyed", retryAfterMs: msOf(keyed) }
    : { limit: "global", retryAfterMs: msOf(global) };
}

const units = new BigInt64Array([1n]);
/** The same memory. */
const halvesOfUnits = new Int32Array(units.buffer);
/** The byte order of the machine. */
const low = halvesOfUnits[0] === 1 ? 0 : 1;
const high = 1 - low;
const half = 2 ** 32;

/** Converts through memory: `BigInt(number)` allocates. */
function unitsOf(ms: number): bigint {
  const whole = Math.round(ms * perMs);
  const upper = Math.floor(whole / half);
  halvesOfUnits[low] = whole - upper * half;
  halvesOfUnits[high] = upper;
  return units[0] as bigint;
}

function atMost(value: bigint, most: bigint): bigint {
  return value > most ? most : value;
}

function msOf(time: bigint): number {
  return time <= 0n ? 0 : Number(time) / perMs;
}
