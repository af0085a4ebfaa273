import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { outliersOf } from "../src/success-rate.ts";
import { detecting, letters } from "./detecting.ts";

const keys = letters(5);

describe("success rate", () => {
  test("1.9 deviations below the mean of five ejects at the end of the interval", async () => {
    const { clock, interval, ill, events } = detecting(keys);
    for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
    await clock.advance(9_999);
    expect(ill()).toBe("");
    await clock.advance(1);
    expect(events).toEqual(["c ejected success-rate 30000 1", "c changed"]);
  });

  test("fewer than five endpoints are not compared", async () => {
    const { clock, interval, events } = detecting(keys);
    for (const key of keys.slice(1)) interval(key, 100, key === "c" ? 60 : 99);
    await clock.advance(10_000);
    expect(events).toEqual([]);
  });

  test("endpoints with fewer than 100 calls in the interval are not compared", async () => {
    const { clock, interval, events } = detecting([...keys, "f"]);
    for (const key of keys) interval(key, 100, 99);
    interval("f", 99, 50);
    await clock.advance(10_000);
    expect(events).toEqual([]);
    // Earlier calls do not count in the next interval.
    for (const key of keys) interval(key, 100, 99);
    interval("f", 60, 30);
    await clock.advance(10_000);
    expect(events).toEqual([]);
  });

  test("limited results are not successes", async () => {
    const { clock, interval, ended, events } = detecting(keys);
    for (const key of keys) interval(key, 100, 100);
    for (let n = 0; n < 40; n++) ended("d", "limited");
    await clock.advance(10_000);
    expect(events[0]).toBe("d ejected success-rate 30000 1");
  });

  test("ejected endpoints are not compared", async () => {
    const { clock, interval, ended, events } = detecting(keys, { maxEjectedRatio: 1 });
    for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
    ended("a", "failure", "failure", "failure", "failure", "failure");
    events.length = 0;
    await clock.advance(10_000);
    expect(events).toEqual([]);
  });

  test("the worst of several outliers is ejected first", async () => {
    const ten = letters(10);
    const { clock, interval, events } = detecting(ten, { deviations: 1 });
    const successes = (key: string): number => (key === "b" ? 60 : key === "g" ? 55 : 100);
    for (const key of ten) interval(key, 100, successes(key));
    await clock.advance(10_000);
    expect(events).toEqual(["g ejected success-rate 30000 1", "g changed", "b overflowed success-rate"]);
  });

  test("the ejection time grows if an endpoint is an outlier again", async () => {
    const { clock, interval, events } = detecting(keys);
    for (let n = 0; n < 3; n++) {
      for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
      await clock.advance(10_000);
      // Until its return, and to the end of that interval.
      await clock.advance(30_000 * (n + 1));
    }
    expect(events.filter((each) => each.includes("ejected"))).toEqual([
      "c ejected success-rate 30000 1",
      "c ejected success-rate 60000 2",
      "c ejected success-rate 90000 3",
    ]);
  });

  test("Infinity disables ejection", async () => {
    const { clock, interval, ill } = detecting(keys, { deviations: Infinity });
    for (const key of keys) interval(key, 100, key === "c" ? 51 : 100);
    await clock.advance(10_000);
    expect(ill()).toBe("");
  });
});

describe("outliersOf", () => {
  test("is empty for equal rates, however small the deviation", () => {
    const all = fc.record({
      calls: fc.integer({ min: 1, max: 1_000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 50 }), ({ calls, share }, count) => {
        const tally = { calls, successes: Math.floor(calls * share) };
        expect(
          outliersOf(
            Array.from({ length: count }, () => tally),
            0.001,
          ),
        ).toEqual([]);
      }),
    );
  });

  test("returns all rates further below the mean than the deviation, worst first", () => {
    const tally = fc.record({ calls: fc.constant(1_000), successes: fc.integer({ min: 0, max: 1_000 }) });
    fc.assert(
      fc.property(
        fc.array(tally, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        (tallies, deviations) => {
          // In integers, so without rounding: n·(mean − x) > deviations · sqrt(n · Σ x² − (Σ x)²).
          const total = tallies.reduce((sum, { successes }) => sum + successes, 0);
          const squares = tallies.reduce((sum, { successes }) => sum + successes ** 2, 0);
          const n = tallies.length;
          const spread = deviations * Math.sqrt(n * squares - total ** 2);
          const distance = (successes: number): number => total - n * successes - spread;
          const found = outliersOf(tallies, deviations);
          for (const each of tallies) {
            // Too close to the edge: rounding decides.
            if (Math.abs(distance(each.successes)) < 1e-6) continue;
            expect(found.includes(each)).toBe(distance(each.successes) > 0);
          }
          const rates = found.map(({ successes }) => successes);
          expect(rates).toEqual(rates.toSorted((a, b) => a - b));
        },
      ),
    );
  });
});
