import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "@pagoda/rate-limit";
import { Debtors } from "../src/debtors.ts";

const idle = 1_000;

describe("keys that are kept", () => {
  const step = fc.record({
    pause: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true }), fc.constant(40)),
    key: fc.integer({ min: 0, max: 30 }),
  });

  test("are no more than the bound, and the one forgotten owes least, to within a step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(step, { maxLength: 300 }),
        (max, burst, steps) => {
          const debtors = new Debtors(max, burst, idle);
          const owed = new Map<string, number>();
          let at = 0;
          for (const { pause, key: number } of steps) {
            at += pause;
            const key = `${number}`;
            const place = debtors.find(key);
            const paidUntil = place === undefined ? at : debtors.paidUntil(place);
            expect(paidUntil).toBe(place === undefined ? at : owed.get(key));
            const next = Math.max(paidUntil, at) + 1;
            if (next - at > burst) continue;
            if (place === undefined) debtors.add(key, next, at);
            else debtors.owes(place, next);
            owed.set(key, next);
            const gone = [...owed.keys()].filter((each) => debtors.find(each) === undefined);
            const debt = (each: string): number => Math.max(0, (owed.get(each) as number) - at);
            const kept = [...owed.keys()].filter((each) => each !== key && !gone.includes(each));
            for (const each of gone) {
              if (debt(each) === 0) continue;
              expect(debtors.size).toBe(max);
              for (const other of kept) expect(debt(each)).toBeLessThanOrEqual(debt(other) + burst / 32);
            }
            for (const each of gone) owed.delete(each);
            expect(debtors.size).toBe(owed.size);
            expect(debtors.size).toBeLessThanOrEqual(max);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("are forgotten when they have been idle, as others come, and not before", () => {
    const debtors = new Debtors(100, 1, 10);
    for (let n = 0; n < 50; n++) debtors.add(`old ${n}`, 1, 0);
    for (let n = 0; n < 30; n++) debtors.add(`new ${n}`, 11, 10);
    expect(debtors.size).toBe(80);
    debtors.add("a", 12, 11);
    expect(debtors.size).toBe(79);
    for (let n = 0; n < 20; n++) debtors.add(`newer ${n}`, 12, 11);
    expect(debtors.size).toBe(59);
  });

  test("may be idle for as long as the store is told", () => {
    const keyed = { perSecond: 1, burst: 1 };
    const limits = memoryStore({ maxIdleMs: 5_000 })({ global: undefined, keyed });
    limits.take("a", 0);
    for (const now of [5_900, 5_999]) limits.take(`at ${now}`, now);
    expect(limits.state(5_999)).toEqual({ keys: 3 });
    limits.take("b", 6_000);
    expect(limits.state(6_000)).toEqual({ keys: 3 });
  });

  test("are not forgotten before they have paid, however idle", () => {
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

  test("a key that comes again is not forgotten for its place in the order", () => {
    const debtors = new Debtors(3, 4, idle);
    for (const key of ["a", "b", "c"]) debtors.add(key, 1, 0);
    debtors.owes(debtors.find("a") as number, 4);
    debtors.add("d", 1, 0);
    expect(["a", "b", "c", "d"].map((key) => debtors.find(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("who sprays keys", () => {
  const maxKeys = 1_000;
  const keyed = { perSecond: 1, burst: 10 };

  test("does not free one that is throttled", () => {
    const limits = memoryStore({ maxKeys })({ global: undefined, keyed });
    for (let n = 0; n < 10; n++) expect(limits.take("throttled", 0)).toBeUndefined();
    for (let n = 0; n < 20 * maxKeys; n++) limits.take(`spray ${n}`, n / 100);
    expect(limits.take("throttled", 200)).toMatchObject({ retryAfterMs: expect.closeTo(800) });
    expect(limits.state(200)).toEqual({ keys: maxKeys });
  });

  test("does not shut out new clients, whose own limit holds", () => {
    const limits = memoryStore({ maxKeys })({ global: undefined, keyed });
    for (let n = 0; n < 2 * maxKeys; n++) limits.take(`spray ${n}`, 0);
    for (let n = 0; n < 10; n++) expect(limits.take("client", 0)).toBeUndefined();
    expect(limits.take("client", 0)).toMatchObject({ limit: "keyed" });
  });

  test("gets a key beyond its burst only if more keys owe than are kept", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 300 }), (keys) => {
        const limits = memoryStore({ maxKeys: 4 })({ global: undefined, keyed: { perSecond: 1, burst: 4 } });
        const admitted = new Map<number, number>();
        // In one moment nothing is paid: what a key got beyond its burst, forgetting it gave.
        for (const key of keys) {
          if (limits.take(`${key}`, 0) === undefined) admitted.set(key, (admitted.get(key) ?? 0) + 1);
        }
        const beyond = [...admitted.values()].some((calls) => calls > 4);
        expect(beyond && admitted.size <= 4).toBe(false);
      }),
    );
  });

  test("spends the limit over all, and then adds no key", () => {
    const limits = memoryStore({ maxKeys })({ global: { perSecond: 1, burst: 5 }, keyed });
    for (let n = 0; n < 100; n++) limits.take(`spray ${n}`, 0);
    expect(limits.state(0)).toEqual({ globalLeft: 0, keys: 5 });
  });
});
