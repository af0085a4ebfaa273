import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { belowTheOthers } from "../src/success-rate.ts";
import { detecting, letters } from "./detecting.ts";

const keys = letters(5);

describe("success rates", () => {
  test("one that lies 1.9 deviations below the mean of five is ejected when the interval is over", async () => {
    const { clock, interval, ill, told } = detecting(keys);
    for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
    await clock.advance(9_999);
    expect(ill()).toBe("");
    await clock.advance(1);
    expect(told).toEqual(["c ejected success-rate 30000 1", "c changed"]);
  });

  test("of fewer than five endpoints none is compared", async () => {
    const { clock, interval, told } = detecting(keys);
    for (const key of keys.slice(1)) interval(key, 100, key === "c" ? 60 : 99);
    await clock.advance(10_000);
    expect(told).toEqual([]);
  });

  test("an endpoint with fewer than 100 calls in the interval is not compared", async () => {
    const { clock, interval, told } = detecting([...keys, "f"]);
    for (const key of keys) interval(key, 100, 99);
    interval("f", 99, 50);
    await clock.advance(10_000);
    expect(told).toEqual([]);
    // What was before does not count in the next interval.
    for (const key of keys) interval(key, 100, 99);
    interval("f", 60, 30);
    await clock.advance(10_000);
    expect(told).toEqual([]);
  });

  test("calls that were asked to be fewer are no success", async () => {
    const { clock, interval, ended, told } = detecting(keys);
    for (const key of keys) interval(key, 100, 100);
    for (let n = 0; n < 40; n++) ended("d", "limited");
    await clock.advance(10_000);
    expect(told[0]).toBe("d ejected success-rate 30000 1");
  });

  test("one that is ejected is not compared: of those left there are too few", async () => {
    const { clock, interval, ended, told } = detecting(keys, { maxEjectedRatio: 1 });
    for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
    ended("a", "failure", "failure", "failure", "failure", "failure");
    told.length = 0;
    await clock.advance(10_000);
    expect(told).toEqual([]);
  });

  test("of several the worst goes first when there is room for one", async () => {
    const ten = letters(10);
    const { clock, interval, told } = detecting(ten, { deviations: 1 });
    const successes = (key: string): number => (key === "b" ? 60 : key === "g" ? 55 : 100);
    for (const key of ten) interval(key, 100, successes(key));
    await clock.advance(10_000);
    expect(told).toEqual(["g ejected success-rate 30000 1", "g changed", "b spared success-rate"]);
  });

  test("the interval in which it is an outlier again did not go well: the time grows", async () => {
    const { clock, interval, told } = detecting(keys);
    for (let n = 0; n < 3; n++) {
      for (const key of keys) interval(key, 100, key === "c" ? 60 : 99);
      await clock.advance(10_000);
      // Until it is back, and to the end of the interval in which it came back.
      await clock.advance(30_000 * (n + 1));
    }
    expect(told.filter((each) => each.includes("ejected"))).toEqual([
      "c ejected success-rate 30000 1",
      "c ejected success-rate 60000 2",
      "c ejected success-rate 90000 3",
    ]);
  });

  test("Infinity compares, and ejects none", async () => {
    const { clock, interval, ill } = detecting(keys, { deviations: Infinity });
    for (const key of keys) interval(key, 100, key === "c" ? 51 : 100);
    await clock.advance(10_000);
    expect(ill()).toBe("");
  });
});

describe("those below the others", () => {
  test("are none where all are alike, however few deviations are asked for", () => {
    const all = fc.record({
      calls: fc.integer({ min: 1, max: 1_000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 50 }), ({ calls, share }, count) => {
        const tally = { calls, successes: Math.floor(calls * share) };
        expect(
          belowTheOthers(
            Array.from({ length: count }, () => tally),
            0.001,
          ),
        ).toEqual([]);
      }),
    );
  });

  test("lie further below the mean than so many deviations, and all that do are named, the worst first", () => {
    const tally = fc.record({ calls: fc.constant(1_000), successes: fc.integer({ min: 0, max: 1_000 }) });
    fc.assert(
      fc.property(
        fc.array(tally, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        (tallies, deviations) => {
          // In whole numbers, so without rounding: n·(mean − x) > deviations · sqrt(n · Σ x² − (Σ x)²).
          const total = tallies.reduce((sum, { successes }) => sum + successes, 0);
          const squares = tallies.reduce((sum, { successes }) => sum + successes ** 2, 0);
          const n = tallies.length;
          const spread = deviations * Math.sqrt(n * squares - total ** 2);
          const distance = (successes: number): number => total - n * successes - spread;
          const found = belowTheOthers(tallies, deviations);
          for (const each of tallies) {
            // So near to the edge that rounding decides.
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
