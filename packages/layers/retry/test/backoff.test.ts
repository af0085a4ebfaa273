import { seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { constant, decorrelated, exponential } from "@pagoda/retry";

const most = (): number => 1 - Number.EPSILON;
const least = (): number => 0;

describe("backoff", () => {
  test.each([
    [1, 25],
    [2, 50],
    [3, 100],
    [4, 200],
    [5, 250],
    [60, 250],
  ])("the bound of retry %d is %d ms", (retry, bound) => {
    expect(exponential({ jitter: "none" }).waitMs(retry, 0, most)).toBe(bound);
    expect(exponential().waitMs(retry, 0, least)).toBe(0);
    expect(exponential().waitMs(retry, 0, most)).toBeCloseTo(bound);
    expect(exponential({ jitter: "equal" }).waitMs(retry, 0, least)).toBe(bound / 2);
    expect(exponential({ jitter: "equal" }).waitMs(retry, 0, most)).toBeCloseTo(bound);
  });

  test("full jitter is uniformly distributed", () => {
    const random = seededRandom(1);
    const waits = Array.from({ length: 10_000 }, () => exponential({ baseMs: 100 }).waitMs(1, 0, random));
    for (let tenth = 0; tenth < 10; tenth++) {
      const within = waits.filter((ms) => ms >= tenth * 10 && ms < (tenth + 1) * 10).length;
      expect(within).toBeGreaterThan(850);
      expect(within).toBeLessThan(1_150);
    }
  });

  test("decorrelated jitter stays within its bounds and three times the previous wait", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 500, noNaN: true }), (seed, previous) => {
        const ms = decorrelated({ baseMs: 10, maxMs: 300 }).waitMs(2, previous, seededRandom(seed));
        expect(ms).toBeGreaterThanOrEqual(10);
        expect(ms).toBeLessThanOrEqual(Math.min(300, Math.max(10, previous * 3)));
      }),
    );
    expect(decorrelated({ baseMs: 10, maxMs: 300 }).waitMs(2, 50, least)).toBe(10);
    expect(decorrelated({ baseMs: 10, maxMs: 300 }).waitMs(2, 50, most)).toBeCloseTo(150);
  });

  test("a constant backoff always waits the same time", () => {
    expect(constant(7).waitMs(3, 100, most)).toBe(7);
  });

  test.each([
    [
      () => exponential({ baseMs: 0 }),
      "retry: baseMs must be a number above 0 and at most 2147483647 (got 0)",
    ],
    [
      () => exponential({ baseMs: 300 }),
      "retry: maxMs must be a number from baseMs (300) to 2147483647 (got 250)",
    ],
    [
      () => exponential({ maxMs: Infinity }),
      "retry: maxMs must be a number from baseMs (25) to 2147483647 (got Infinity)",
    ],
    [
      () => exponential({ jitter: "half" as never }),
      'retry: jitter must be "full", "equal" or "none" (got "half")',
    ],
    [
      () => decorrelated({ baseMs: NaN }),
      "retry: baseMs must be a number above 0 and at most 2147483647 (got NaN)",
    ],
    [
      () => decorrelated({ maxMs: 24 }),
      "retry: maxMs must be a number from baseMs (25) to 2147483647 (got 24)",
    ],
    [() => constant(-1), "retry: ms must be a number from 0 to 2147483647 (got -1)"],
  ])("rejects invalid options: %#", (make, problem) => {
    expect(make).toThrow(problem);
  });
});
