import { memoryStore, sharedMemory, sharedStore } from "@pagoda/rate-limit";
import type { Group } from "./subject.ts";

const keyCount = 100_000;
/** So fast a rate that nothing is refused: what is measured is the admission. */
const global = { perSecond: 1_000_000, burst: 1_000_000_000 };
const keyed = { perSecond: 1_000, burst: 1_000 };

/** In an order that no cache expects, the same in each run. */
function keys(): readonly string[] {
  return Array.from({ length: keyCount }, (_, n) => `client-${(n * 7_919) % keyCount}`);
}

/** A time that goes on by 10 µs a call. In an array, for a number that a closure holds is allocated anew each time. */
function clockHand(): () => number {
  const now = new Float64Array(1);
  return () => (now[0] = (now[0] as number) + 0.01);
}

export const rateLimits: Group = {
  name: "rate-limit",
  subjects: [
    {
      what: "rate-limit check over all, the time given",
      prepare() {
        const store = memoryStore()({ global, keyed: undefined });
        const passes = clockHand();
        return { run: () => store.take(undefined, passes()) };
      },
      target: { leastMillionsPerSecond: 20 },
    },
    {
      what: "rate-limit check over all in shared memory, the time given",
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
      what: "a compare-and-swap of 64 bits in shared memory: nothing else",
      prepare() {
        const cells = new BigInt64Array(new SharedArrayBuffer(8));
        return {
          run() {
            const before = Atomics.load(cells, 0);
            return Atomics.compareExchange(cells, 0, before, before + 1n);
          },
        };
      },
      reason: "the floor of the row above",
    },
    {
      what: "a compare-and-swap of 32 bits in shared memory: nothing else",
      prepare() {
        const cells = new Int32Array(new SharedArrayBuffer(4));
        return {
          run() {
            const before = Atomics.load(cells, 0);
            return Atomics.compareExchange(cells, 0, before, (before + 1) | 0);
          },
        };
      },
      reason: "what the machine itself needs",
    },
    {
      what: "rate-limit check of one of 100,000 keys in shared memory, the time given",
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
      reason: "the key is hashed, so that threads find it without a table of texts",
    },
    {
      what: "rate-limit check of one of 100,000 keys, the time given",
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
      reason: "so many keys are not in the caches: see the next row",
    },
    {
      what: "a Map from 100,000 keys to places in an array, and the array: nothing else",
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
      reason: "the floor of the row above",
    },
  ],
};
