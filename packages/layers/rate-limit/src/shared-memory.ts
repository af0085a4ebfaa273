import { checkInteger, machineNow, type Random, rangeError, systemRandom } from "@pagoda/core";
import { halves, hash } from "./hash.ts";

export interface SharedMemoryOptions {
  /** Capacity in keys: an integer from 1 to 10,000,000. Default 100,000. A key takes 12 bytes. */
  readonly maxKeys?: number;
  /** Source of the hash key. */
  readonly random?: Random;
}

/** Keys per bucket, among which the one with the least debt is replaced. */
export const ways = 8;
const most = 10_000_000;

/**
 * Byte offsets. The head holds the number of buckets, the two halves of the hash key, and a hash of
 * the rates.
 */
const epochAt = 16;
const globalAt = 24;
const keysAt = 32;

/**
 * Creates memory for {@link sharedStore}, to be sent to all threads.
 *
 * @throws RangeError if an option is out of range.
 */
export function sharedMemory({
  maxKeys = 100_000,
  random = systemRandom,
}: SharedMemoryOptions = {}): SharedArrayBuffer {
  checkInteger("rate-limit: maxKeys", maxKeys, { min: 1, max: most });
  const buckets = Math.ceil(maxKeys / ways);
  const memory = new SharedArrayBuffer(keysAt + buckets * ways * 12);
  const head = new Int32Array(memory, 0, 3);
  head[0] = buckets;
  head[1] = Math.floor(random() * 2 ** 32);
  head[2] = Math.floor(random() * 2 ** 32);
  new Float64Array(memory, epochAt, 1)[0] = machineNow();
  return memory;
}

/** A typed view of the memory. */
export class Table {
  readonly buckets: number;
  readonly hashKey: readonly [number, number];
  /** Creation time by the machine clock; times count from there. */
  readonly epochMs: number;
  /** TAT of the global limit. */
  readonly global: BigInt64Array;
  /** TAT per key. */
  readonly tat: BigInt64Array;
  /** Half of the hash of the key in each place, 0 if free. */
  readonly tags: Int32Array;
  readonly #head: Int32Array;

  /** @throws RangeError if the memory was not created by `sharedMemory`. */
  constructor(memory: SharedArrayBuffer) {
    const [buckets = 0, key0 = 0, key1 = 0] = new Int32Array(memory, 0, Math.min(3, memory.byteLength >> 2));
    if (buckets < 1 || memory.byteLength !== keysAt + buckets * ways * 12)
      throw rangeError("rate-limit: memory", "created by sharedMemory", memory);
    this.#head = new Int32Array(memory, 0, 4);
    this.buckets = buckets;
    this.hashKey = [key0, key1];
    this.epochMs = new Float64Array(memory, epochAt, 1)[0] as number;
    this.global = new BigInt64Array(memory, globalAt, 1);
    this.tat = new BigInt64Array(memory, keysAt, buckets * ways);
    this.tags = new Int32Array(memory, keysAt + buckets * ways * 8, buckets * ways);
  }

  /** Notes the rates that apply from now on. Returns whether there were others before. */
  takesRates(rates: string): boolean {
    hash(rates, 0, 0);
    const mark = halves[0] || 1;
    const former = Atomics.exchange(this.#head, 3, mark);
    return former !== 0 && former !== mark;
  }
}
