import { memoryStore, type Rates, sharedMemory, sharedStore } from "@pagoda/rate-limit";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { skipWithoutRedis } from "./redis-server.ts";
import { virtualScript } from "./virtual-script.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

const rate = fc.record({
  // Intervals that are multiples of 1/256 ns; otherwise the two stores round differently.
  perSecond: fc.constantFrom(0.5, 1, 2, 4, 10, 100, 1_000, 1_000_000),
  burst: fc.integer({ min: 1, max: 20 }),
});

test("property: grants like the store in shared memory", async () => {
  const redis = await virtualScript();
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 2_000 }),
    calls: fc.integer({ min: -3, max: 8 }).filter((calls) => calls !== 0),
  });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(rate, fc.array(step, { maxLength: 40 }), async (global, steps) => {
      const key = `run ${runs++}`;
      let now = 0;
      const memory = sharedMemory();
      const start = new Float64Array(memory, 16, 1)[0] as number;
      const rates: Rates = { global, keyed: undefined };
      const oracle = sharedStore(memory, { sharedNow: () => start + now })(rates);
      // Calls are only given back by those who took them.
      let held = 0;
      for (const { afterMs, calls } of steps) {
        now += afterMs;
        const change = Math.max(calls, -held);
        if (change === 0) continue;
        const got = await redis.change(key, global, change, now);
        if (change < 0) oracle.giveBack(undefined, -change);
        const wanted = oracle.lease(undefined, Math.max(0, change), now);
        expect(got.granted).toBe(change < 0 ? change : wanted.granted);
        expect(got.retryAfterMs).toBeCloseTo(wanted.retryAfterMs, 3);
        held += got.granted;
      }
    }),
    { numRuns: 60 },
  );
});

test("property: a changed rate takes over the debt, like the store in memory", async () => {
  const redis = await virtualScript();
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 2_000 }),
    rate: fc.option(rate, { nil: undefined, freq: 4 }),
  });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(rate, fc.array(step, { maxLength: 40 }), async (first, steps) => {
      const key = `change ${runs++}`;
      const memory = sharedMemory();
      const start = new Float64Array(memory, 16, 1)[0] as number;
      let now = 0;
      const storeOf = (global: typeof first) =>
        sharedStore(memory, { sharedNow: () => start + now })({ global, keyed: undefined });
      let current = first;
      let oracle = storeOf(first);
      for (const { afterMs, rate: next } of steps) {
        now += afterMs;
        if (next !== undefined) {
          current = next;
          oracle = storeOf(next);
        }
        const got = await redis.change(key, current, 1, now);
        const wanted = oracle.lease(undefined, 1, now);
        expect(got.granted).toBe(wanted.granted);
        expect(got.retryAfterMs).toBeCloseTo(wanted.retryAfterMs, 2);
      }
    }),
    { numRuns: 60 },
  );
});

test("a caller that comes back exactly after retryAfterMs is admitted", async () => {
  const redis = await virtualScript();
  for (const perSecond of [0.3, 7, 300_000]) {
    const limit = { perSecond, burst: 3 };
    const key = `exact ${perSecond}`;
    expect(await redis.change(key, limit, 3, 0)).toMatchObject({ granted: 3 });
    const { granted, retryAfterMs } = await redis.change(key, limit, 1, 0);
    expect(granted).toBe(0);
    // Redis's clock has microseconds.
    expect(await redis.change(key, limit, 1, Math.ceil(retryAfterMs * 1_000) / 1_000)).toMatchObject({
      granted: 1,
    });
  }
});

test("a key expires when its debt is paid, and a key without debt is deleted", async () => {
  const redis = await virtualScript({ expires: true });
  const { client } = redis;
  const limit = { perSecond: 2, burst: 10 };
  await redis.change("a", limit, 4, 0);
  const ttl = await client.pTTL("a");
  expect(ttl).toBeGreaterThan(0);
  expect(ttl).toBeLessThanOrEqual(2_001);
  await redis.change("a", limit, -4, 0);
  expect(await client.exists("a")).toBe(0);
  await redis.change("b", { perSecond: 1e-9, burst: 1e9 }, 1e9, 0);
  expect(await client.pTTL("b")).toBeGreaterThan(1e14);
});

test("a clock that has been set back costs at most one burst", async () => {
  const redis = await virtualScript();
  const limit = { perSecond: 1, burst: 5 };
  await redis.change("a", limit, 5, 1_000_000);
  const { retryAfterMs } = await redis.change("a", limit, 1, 0);
  expect(retryAfterMs).toBeCloseTo(1_000, 3);
});

test("decides single calls like the store in memory", async () => {
  const redis = await virtualScript();
  const limit = { perSecond: 3, burst: 4 };
  const oracle = memoryStore()({ global: limit, keyed: undefined });
  for (let now = 0; now < 5_000; now += 130) {
    const { granted } = await redis.change("a", limit, 1, now);
    expect(granted === 1).toBe(oracle.take(undefined, now) === undefined);
  }
});
