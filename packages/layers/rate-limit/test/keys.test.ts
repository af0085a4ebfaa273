import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "@pagoda/rate-limit";
import { ThrottledKeys } from "../src/throttled-keys.ts";

const idle = 1_000;

describe("kept keys", () => {
  const step = fc.record({
    pause: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true }), fc.constant(40)),
    key: fc.integer({ min: 0, max: 30 }),
  });

  test("never exceed the maximum, and the evicted key has the least debt, within a step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(step, { maxLength: 300 }),
        (max, burst, steps) => {
          const throttled = new ThrottledKeys(max, burst, idle);
          const owed = new Map<string, number>();
          let at = 0;
          for (const { pause, key: number } of steps) {
            at += pause;
            const key = `${number}`;
            const place = throttled.find(key);
            const tat = place === undefined ? at : throttled.tat(place);
            expect(tat).toBe(place === undefined ? at : owed.get(key));
            const next = Math.max(tat, at) + 1;
            if (next - at > burst) continue;
            if (place === undefined) throttled.add(key, next, at);
            else throttled.update(place, next);
            owed.set(key, next);
            const gone = [...owed.keys()].filter((each) => throttled.find(each) === undefined);
            const debt = (each: string): number => Math.max(0, (owed.get(each) as number) - at);
            const kept = [...owed.keys()].filter((each) => each !== key && !gone.includes(each));
            for (const each of gone) {
              if (debt(each) === 0) continue;
              expect(throttled.size).toBe(max);
              for (const other of kept) expect(debt(each)).toBeLessThanOrEqual(debt(other) + burst / 32);
            }
            for (const each of gone) owed.delete(each);
            expect(throttled.size).toBe(owed.size);
            expect(throttled.size).toBeLessThanOrEqual(max);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("are evicted after being idle, as others arrive", () => {
    const throttled = new ThrottledKeys(100, 1, 10);
    for (let n = 0; n < 50; n++) throttled.add(`old ${n}`, 1, 0);
    for (let n = 0; n < 30; n++) throttled.add(`new ${n}`, 11, 10);
    expect(throttled.size).toBe(80);
    throttled.add("a", 12, 11);
    expect(throttled.size).toBe(79);
    for (let n = 0; n < 20; n++) throttled.add(`newer ${n}`, 12, 11);
    expect(throttled.size).toBe(59);
  });

  test("are kept for maxIdleMs", () => {
    const keyed = { perSecond: 1, burst: 1 };
    const limits = memoryStore({ maxIdleMs: 5_000 })({ global: undefined, keyed });
    limits.take("a", 0);
    for (const now of [5_900, 5_999]) limits.take(`at ${now}`, now);
    expect(limits.state(5_999)).toEqual({ keys: 3 });
    limits.take("b", 6_000);
    expect(limits.state(6_000)).toEqual({ keys: 3 });
  });

  test("are not evicted while throttled, however idle", () => {
    const limits = memoryStore({ maxIdleMs: 0 })({
      global: undefined,
      keyed: { perSecond: 1 / 3_600, burst: 2 },
    });
    for (let n = 0; n < 2; n++) limits.take("a", 0);
    for (let n = 0; n < 1_000; n++) limits.take(`other ${n}`, 3_000_000 + n);
    expect(limits.take("a", 3_500_000)).toMatchObject({
      limit: "keyed",
      retryAfterMs: expect.closeTo(100_000),
    });
  });

  test("are not evicted for an outdated place in the order", () => {
    const throttled = new ThrottledKeys(3, 4, idle);
    for (const key of ["a", "b", "c"]) throttled.add(key, 1, 0);
    throttled.update(throttled.find("a") as number, 4);
    throttled.add("d", 1, 0);
    expect(["a", "b", "c", "d"].map((key) => throttled.find(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("spraying keys", () => {
  const maxKeys = 1_000;
  const keyed = { perSecond: 1, burst: 10 };

  test("does not free a throttled key", () => {
    const limits = memoryStore({ maxKeys })({ global: undefined, keyed });
    for (let n = 0; n < 10; n++) expect(limits.take("throttled", 0)).toBeUndefined();
    for (let n = 0; n < 20 * maxKeys; n++) limits.take(`spray ${n}`, n / 100);
    expect(limits.take("throttled", 200)).toMatchObject({ retryAfterMs: expect.closeTo(800) });
    expect(limits.state(200)).toEqual({ keys: maxKeys });
  });

  test("does not lock out new clients, whose own limit applies", () => {
    const limits = memoryStore({ maxKeys })({ global: undefined, keyed });
    for (let n = 0; n < 2 * maxKeys; n++) limits.take(`spray ${n}`, 0);
    for (let n = 0; n < 10; n++) expect(limits.take("client", 0)).toBeUndefined();
    expect(limits.take("client", 0)).toMatchObject({ limit: "keyed" });
  });

  test("lets a key exceed its burst only if more keys are throttled than kept", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 300 }), (keys) => {
        const limits = memoryStore({ maxKeys: 4 })({ global: undefined, keyed: { perSecond: 1, burst: 4 } });
        const admitted = new Map<number, number>();
        // Debt does not shrink within a tick, so any excess over the burst comes from eviction.
        for (const key of keys) {
          if (limits.take(`${key}`, 0) === undefined) admitted.set(key, (admitted.get(key) ?? 0) + 1);
        }
        const beyond = [...admitted.values()].some((calls) => calls > 4);
        expect(beyond && admitted.size <= 4).toBe(false);
      }),
    );
  });

  test("adds no keys once the global limit is used up", () => {
    const limits = memoryStore({ maxKeys })({ global: { perSecond: 1, burst: 5 }, keyed });
    for (let n = 0; n < 100; n++) limits.take(`spray ${n}`, 0);
    expect(limits.state(0)).toEqual({ globalLeft: 0, keys: 5 });
  });
});
