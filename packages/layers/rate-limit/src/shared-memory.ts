import { checkInteger, machineNow, type Random, rangeError, systemRandom } from "@pagoda/core";

export interface SharedMemoryOptions {
  /** Keys for which there is room: whole, 1 to 10,000,000. Default 100,000. A key takes 12 bytes. */
  readonly maxKeys?: number;
  /** Chooses the key of the hash. */
  readonly random?: Random;
}

/** Keys of one bucket: among so many the one is found that owes the least. */
export const ways = 8;
const most = 10_000_000;

/** What is where in the memory, in bytes. The head: buckets, and the two halves of the hash's key. */
const epochAt = 16;
const globalAt = 24;
const keysAt = 32;

/**
 * Memory for {@link sharedStore}: it can be sent to threads, and is one and the same for all of them.
 *
 * @throws RangeError when an option is out of range.
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

/** The memory as its users see it. */
export class Table {
  readonly buckets: number;
  readonly hashKey: readonly [number, number];
  /** When it was made, on the machine's clock: times are counted from there. */
  readonly epochMs: number;
  /** The time up to which the calls of the limit over all are paid for. */
  readonly global: BigInt64Array;
  /** The same for each key. */
  readonly paidUntil: BigInt64Array;
  /** Half of the hash of the key that has a place; 0: nobody has it. */
  readonly tags: Int32Array;

  /** @throws RangeError when it is not what `sharedMemory` has made. */
  constructor(memory: SharedArrayBuffer) {
    const [buckets = 0, key0 = 0, key1 = 0] = new Int32Array(memory, 0, Math.min(3, memory.byteLength >> 2));
    if (buckets < 1 || memory.byteLength !== keysAt + buckets * ways * 12)
      throw rangeError("rate-limit: memory", "what sharedMemory makes", memory);
    this.buckets = buckets;
    this.hashKey = [key0, key1];
    this.epochMs = new Float64Array(memory, epochAt, 1)[0] as number;
    this.global = new BigInt64Array(memory, globalAt, 1);
    this.paidUntil = new BigInt64Array(memory, keysAt, buckets * ways);
    this.tags = new Int32Array(memory, keysAt + buckets * ways * 8, buckets * ways);
  }
}
