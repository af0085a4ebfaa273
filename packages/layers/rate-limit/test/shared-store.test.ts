import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { seededRandom } from "@pagoda/core/testing";
import {
  limitDebts,
  memoryStore,
  type Rates,
  sharedMemory,
  sharedStore,
  type SyncStore,
} from "@pagoda/rate-limit";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Shared } from "./shared-thread.ts";

/** A store in virtual time, for the layer and the memory. */
function virtual(
  rates: Rates,
  memory: SharedArrayBuffer = sharedMemory(),
): SyncStore & { readonly memory: SharedArrayBuffer } {
  const epoch = new Float64Array(memory, 16, 1)[0] as number;
  // The layer's clock starts when the memory was created.
  let now = 0;
  const store = sharedStore(memory, { sharedNow: () => epoch + now })(rates);
  return {
    memory,
    take(key, nowMs) {
      now = nowMs;
      return store.take(key, nowMs);
    },
    globalWaitMs(nowMs) {
      now = nowMs;
      return store.globalWaitMs(nowMs);
    },
    state(nowMs) {
      now = nowMs;
      return store.state(nowMs);
    },
  };
}

const rate = fc.record({
  // Intervals that are multiples of 1/256 ns; otherwise the two stores round differently.
  perSecond: fc.constantFrom(0.5, 1, 2, 4, 10, 100, 1_000, 1_000_000),
  burst: fc.integer({ min: 1, max: 20 }),
});

describe("sharedStore", () => {
  test("decides like the memory store for a single thread", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 2_000 }),
      key: fc.constantFrom("a", "b", undefined),
    });
    fc.assert(
      fc.property(
        fc.option(rate, { nil: undefined }),
        rate,
        fc.array(step, { maxLength: 60 }),
        (global, keyed, steps) => {
          const rates: Rates = { global, keyed };
          const [shared, oracle] = [virtual(rates), memoryStore()(rates)];
          let now = 0;
          for (const { afterMs, key } of steps) {
            now += afterMs;
            const [got, wanted] = [shared.take(key, now), oracle.take(key, now)];
            expect(got?.limit).toBe(wanted?.limit);
            expect(got?.retryAfterMs ?? 0).toBeCloseTo(wanted?.retryAfterMs ?? 0, 3);
            expect(shared.globalWaitMs(now)).toBeCloseTo(oracle.globalWaitMs(now), 3);
          }
        },
      ),
    );
  });

  test("hands debt on to stores of other rates like the memory store", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 2_000 }),
      key: fc.constantFrom("a", "b", undefined),
      rates: fc.option(fc.record({ global: rate, keyed: rate }), { nil: undefined, freq: 4 }),
    });
    fc.assert(
      fc.property(rate, rate, fc.array(step, { maxLength: 60 }), (global, keyed, steps) => {
        const debts = limitDebts();
        const memory = sharedMemory({ maxKeys: 64 });
        let [shared, oracle] = [
          virtual({ global, keyed }, memory),
          memoryStore({ debts })({ global, keyed }),
        ];
        let now = 0;
        for (const { afterMs, key, rates } of steps) {
          now += afterMs;
          if (rates !== undefined) [shared, oracle] = [virtual(rates, memory), memoryStore({ debts })(rates)];
          const [got, wanted] = [shared.take(key, now), oracle.take(key, now)];
          expect(got?.limit).toBe(wanted?.limit);
          expect(got?.retryAfterMs ?? 0).toBeCloseTo(wanted?.retryAfterMs ?? 0, 3);
          expect(shared.globalWaitMs(now)).toBeCloseTo(oracle.globalWaitMs(now), 3);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("stores of the same memory share a limit", () => {
    const rates: Rates = { global: { perSecond: 1, burst: 3 }, keyed: { perSecond: 1, burst: 2 } };
    const one = virtual(rates);
    const two = virtual(rates, one.memory);
    expect(one.take("a", 0)).toBeUndefined();
    expect(two.take("a", 0)).toBeUndefined();
    expect(one.take("a", 0)).toEqual({ limit: "keyed", retryAfterMs: 1_000 });
    expect(two.take("b", 0)).toBeUndefined();
    expect(one.take("b", 0)).toEqual({ limit: "global", retryAfterMs: 1_000 });
    expect([one.globalWaitMs(0), two.globalWaitMs(400)]).toEqual([1_000, 600]);
    expect(one.state(0)).toEqual({ shared: true, globalLeft: 0 });
    expect(two.state(2_000)).toEqual({ shared: true, globalLeft: 2 });
  });

  test("a call refused by one limit spends nothing of the other", () => {
    const store = virtual({ global: { perSecond: 1, burst: 2 }, keyed: { perSecond: 1, burst: 1 } });
    expect(store.take("a", 0)).toBeUndefined();
    for (let call = 0; call < 5; call++) expect(store.take("a", 0)?.limit).toBe("keyed");
    expect(store.take("b", 0)).toBeUndefined();
    for (const key of ["c", "d"]) expect(store.take(key, 0)?.limit).toBe("global");
    expect(store.take("c", 1_000)).toBeUndefined();
  });

  test("aligns clocks with different epochs", () => {
    const memory = sharedMemory();
    const epoch = new Float64Array(memory, 16, 1)[0] as number;
    const rates: Rates = { global: { perSecond: 1, burst: 1 }, keyed: undefined };
    // Two threads with clocks an hour apart.
    let now = 0;
    const early = sharedStore(memory, { sharedNow: () => epoch + now })(rates);
    const late = sharedStore(memory, { sharedNow: () => epoch + now })(rates);
    expect(early.take(undefined, now)).toBeUndefined();
    now = 400;
    expect(late.take(undefined, now + 3_600_000)).toEqual({ limit: "global", retryAfterMs: 600 });
    now = 1_000;
    expect(late.take(undefined, now + 3_600_000)).toBeUndefined();
    expect(early.take(undefined, now)?.retryAfterMs).toBe(1_000);
  });

  test("keeps debt across a change of rates, at most one burst", () => {
    const before = virtual({ global: { perSecond: 1, burst: 100 }, keyed: undefined });
    for (let call = 0; call < 100; call++) expect(before.take(undefined, 0)).toBeUndefined();
    const slower = virtual({ global: { perSecond: 1, burst: 2 }, keyed: undefined }, before.memory);
    expect(slower.take(undefined, 0)?.retryAfterMs).toBe(1_000);
    expect(slower.take(undefined, 999)?.retryAfterMs).toBeCloseTo(1, 3);
    expect(slower.take(undefined, 1_000)).toBeUndefined();
    expect(slower.take(undefined, 1_000)?.retryAfterMs).toBe(1_000);
    expect(slower.take(undefined, 100_000)).toBeUndefined();
  });

  test("defect: a raised limit refused until the debt of the old one was paid", () => {
    const before = virtual({ global: { perSecond: 0.001, burst: 1 }, keyed: { perSecond: 0.001, burst: 1 } });
    expect(before.take("a", 0)).toBeUndefined();
    const rate = { perSecond: 10, burst: 10 };
    const after = virtual({ global: rate, keyed: rate }, before.memory);
    expect(after.take("a", 0)).toEqual({ limit: "global", retryAfterMs: 100 });
    expect(after.take("a", 100)).toBeUndefined();
    expect(after.state(1_100)).toMatchObject({ globalLeft: 10 });
  });

  test("spraying keys does not free a throttled one", () => {
    const keyed = { perSecond: 1, burst: 10 };
    const store = virtual(
      { global: undefined, keyed },
      sharedMemory({ maxKeys: 64, random: seededRandom(1) }),
    );
    for (let call = 0; call < 10; call++) store.take("greedy", 0);
    expect(store.take("greedy", 0)?.limit).toBe("keyed");
    for (let key = 0; key < 1_000; key++) store.take(`sprayed ${key}`, 0);
    expect(store.take("greedy", 0)?.limit).toBe("keyed");
  });

  test("keys without debt are replaced without limit", () => {
    const keyed = { perSecond: 1, burst: 1 };
    const store = virtual(
      { global: undefined, keyed },
      sharedMemory({ maxKeys: 8, random: seededRandom(2) }),
    );
    for (let key = 0; key < 1_000; key++) expect(store.take(`${key}`, key * 1_000)).toBeUndefined();
  });

  test.each([0, 1.5, -1, 10_000_001, Number.NaN])("rejects %d as maxKeys", (maxKeys) => {
    expect(() => sharedMemory({ maxKeys })).toThrow(
      `rate-limit: maxKeys must be an integer from 1 to 10000000 (got ${maxKeys})`,
    );
  });

  test("admits a burst that takes longer to refill than the memory can count", () => {
    const store = virtual({ global: { perSecond: 0.001, burst: 1_000_000_000 }, keyed: undefined });
    for (let nowMs = 0; nowMs < 1_000; nowMs++) expect(store.take(undefined, nowMs)).toBeUndefined();
    expect(store.state(1_000)).toEqual({ shared: true, globalLeft: 1_000_000_000 - 1_000 });
  });

  test("counts time beyond 32 bits of its units", () => {
    const store = virtual({ global: { perSecond: 1, burst: 1 }, keyed: undefined });
    for (const nowMs of [0, 16, 17, 20, 1_000, 100_000, 8_640_000_000]) {
      const isDue = nowMs === 0 || nowMs >= 1_000;
      const expected = isDue ? undefined : { limit: "global", retryAfterMs: 1_000 - nowMs };
      expect(store.take(undefined, nowMs)).toEqual(expected);
    }
  });

  test("rejects memory not created by sharedMemory", () => {
    for (const bytes of [0, 8, 1_000])
      expect(() => sharedStore(new SharedArrayBuffer(bytes))).toThrow(
        "rate-limit: memory must be created by sharedMemory (got {})",
      );
  });
});

/** Each call takes 10 µs of shared time, however busy the machine. */
const callsPerMs = 100;

/** Runs threads that take calls as fast as they can; returns the calls admitted to each, and the total time. */
async function hammer(rates: Rates, keys: readonly string[], forMs: number, kill = false) {
  const shared: Shared = {
    memory: sharedMemory(),
    rates,
    keys,
    admitted: new Int32Array(new SharedArrayBuffer(12)),
    calls: new Int32Array(new SharedArrayBuffer(4)),
    callsPerMs,
    mayEnd: new Int32Array(new SharedArrayBuffer(4)),
    forMs,
  };
  const url = new URL("./shared-thread.ts", import.meta.url);
  const threads = [0, 1, 2].map((at) => new Worker(url, { workerData: { ...shared, at } }));
  const gone = threads.map((thread) => once(thread, "exit"));
  const [first] = threads;
  if (kill && first !== undefined) {
    // Sent once it is running.
    await once(first, "message");
    await first.terminate();
  }
  Atomics.store(shared.mayEnd, 0, 1);
  await Promise.all(gone);
  return { each: [...shared.admitted], seconds: (shared.calls[0] as number) / callsPerMs / 1_000 };
}

describe("threads that share a limit", () => {
  const global = { perSecond: 5_000, burst: 50 };

  test("are admitted together what one would be: never more, hardly less", async () => {
    const { each, seconds } = await hammer({ global, keyed: undefined }, ["a"], 500);
    const all = each.reduce((sum, count) => sum + count, 0);
    expect(all).toBeLessThanOrEqual(global.perSecond * seconds + global.burst);
    expect(all).toBeGreaterThan(global.perSecond * seconds * 0.99);
    expect(each.every((count) => count > 0)).toBe(true);
  });

  test("are admitted per key what one would be", async () => {
    const keyed = { perSecond: 1_000, burst: 10 };
    const keys = ["a", "b", "c"];
    const { each, seconds } = await hammer({ global: undefined, keyed }, keys, 500);
    const all = each.reduce((sum, count) => sum + count, 0);
    expect(all).toBeLessThanOrEqual(keys.length * (keyed.perSecond * seconds + keyed.burst));
    expect(all).toBeGreaterThan(keys.length * keyed.perSecond * seconds * 0.99);
  });

  test("continue when one of them is terminated", async () => {
    const { each, seconds } = await hammer(
      { global, keyed: { perSecond: 4_000, burst: 50 } },
      ["a", "b"],
      300,
      true,
    );
    const all = each.reduce((sum, count) => sum + count, 0);
    expect(all).toBeLessThanOrEqual(global.perSecond * seconds + global.burst);
    expect(all).toBeGreaterThan(global.perSecond * seconds * 0.99);
  });
});
