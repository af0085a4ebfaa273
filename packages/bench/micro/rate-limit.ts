import { memoryStore, sharedMemory, sharedStore } from "@pagoda/rate-limit";
import type { Group } from "./subject.ts";

const keyCount = 100_000;
/** A rate that admits every call: the subject is admission. */
const global = { perSecond: 1_000_000, burst: 1_000_000_000 };
const keyed = { perSecond: 1_000, burst: 1_000 };

/** In random order, the same in each run. */
function keys(): readonly string[] {
  return Array.from({ length: keyCount }, (_, n) => `client-${(n * 7_919) % keyCount}`);
}

/** A clock that advances by 10 µs per call. In an array, because a number in a closure is allocated on each change. */
function clockHand(): () => number {
  const now = new Float64Array(1);
  return () => (now[0] = (now[0] as number) + 0.01);
}

export const rateLimits: Group = {
  name: "rate-limit",
  subjects: [
    {
      what: "rate-limit check, global, given the time",
      prepare() {
        const store = memoryStore()({ global, keyed: undefined });
        const passes = clockHand();
        return { run: () => store.take(undefined, passes()) };
      },
      target: { leastMillionsPerSecond: 20 },
    },
    {
      what: "rate-limit check, global, in shared memory, given the time",
      prepare() {
        const store = sharedStore(sharedMemory())({ global, keyed: undefined });
        const passes = clockHand();
        return { run: () => store.take(undefined, passes()) };
      },
      target: { mostNs: 10 },
      reason:
        "a compare-and-swap alone takes more, see the next two rows; the rest is arithmetic of 64 bits, which JavaScript has as BigInts",
    },
    {
      what: "a compare-and-swap of 64 bits in shared memory, alone",
      prepare() {
        const cells = new BigInt64Array(new SharedArrayBuffer(8));
        return {
          run() {
            const before = Atomics.load(cells, 0);
            return Atomics.compareExchange(cells, 0, before, before + 1n);
          },
        };
      },
      reason: "lower bound of the row above",
    },
    {
      what: "a compare-and-swap of 32 bits in shared memory, alone",
      prepare() {
        const cells = new Int32Array(new SharedArrayBuffer(4));
        return {
          run() {
            const before = Atomics.load(cells, 0);
            return Atomics.compareExchange(cells, 0, before, (before + 1) | 0);
          },
        };
      },
      reason: "lower bound of the machine",
    },
    {
      what: "rate-limit check of one of 100,000 keys in shared memory, given the time",
      prepare() {
        const store = sharedStore(sharedMemory())({ global: undefined, keyed });
        const known = keys();
        const passes = clockHand();
        let at = 0;
        const run = (): unknown => {
          if (++at === keyCount) at = 0;
          return store.take(known[at], passes());
        };
        for (let n = 0; n < keyCount; n++) run();
        return { run };
      },
      reason: "includes hashing the key, since threads share no strings",
    },
    {
      what: "rate-limit check of one of 100,000 keys, given the time",
      prepare() {
        const store = memoryStore()({ global: undefined, keyed });
        const known = keys();
        const passes = clockHand();
        let at = 0;
        const run = (): unknown => {
          if (++at === keyCount) at = 0;
          return store.take(known[at], passes());
        };
        for (let n = 0; n < keyCount; n++) run();
        return { run };
      },
      target: { leastMillionsPerSecond: 10 },
      reason: "100,000 keys do not fit into the caches: see the next row",
    },
    {
      what: "a lookup in a Map of 100,000 keys and in an array, alone",
      prepare() {
        const known = keys();
        const places = new Map(known.map((key, place) => [key, place]));
        const values = new Float64Array(keyCount);
        let at = 0;
        return {
          run() {
            if (++at === keyCount) at = 0;
            const place = places.get(known[at] as string) as number;
            return (values[place] = (values[place] as number) + 1);
          },
        };
      },
      reason: "lower bound of the row above",
    },
  ],
};
