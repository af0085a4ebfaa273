import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "../src/histogram.ts";

function histogramOf(durations: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const ms of durations) histogram.record(ms);
  return histogram;
}

/** Reference implementation with a sorted list. */
function exceededBy(share: number, durations: readonly number[]): number {
  const sorted = durations.toSorted((a, b) => b - a);
  return sorted[Math.floor(share * sorted.length + 1e-9)] ?? 0;
}

const share = fc.double({ min: 0, max: 0.999, noNaN: true });

describe("histogram", () => {
  test.each([0.1, 0.5, 1, 9.99, 10, 250, 1_800, 60_000, 130_000])("is accurate to 1.6%% at %d ms", (ms) => {
    const known = histogramOf([ms]).exceededBy(0);
    expect(known).toBeGreaterThan(ms);
    expect(known / ms).toBeLessThan(1 + 1 / 64 + 1e-9);
  });

  test("agrees with a sorted list, within 1.6%", () => {
    const durations = fc.array(fc.double({ min: 0.0625, max: 130_000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(durations, share, (all, part) => {
        const expected = exceededBy(part, all);
        const known = histogramOf(all).exceededBy(part);
        // Recording truncates to whole units.
        expect(known).toBeGreaterThan(expected - 1 / 1_024);
        expect(known).toBeLessThanOrEqual(expected * (1 + 1 / 64) + 1 / 1_024);
      }),
    );
  });

  test("at most the share exceeds the result", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1_000, noNaN: true })), share, (all, part) => {
        const known = histogramOf(all).exceededBy(part);
        expect(all.filter((ms) => ms > known).length).toBeLessThanOrEqual(part * all.length + 1e-9);
      }),
    );
  });

  test("one percent of a hundred is one", () => {
    const durations = [...Array.from({ length: 99 }, () => 10), 1_000];
    expect(histogramOf(durations).exceededBy(0.01)).toBeLessThan(11);
    expect(histogramOf(durations).exceededBy(0.009)).toBeGreaterThan(999);
  });

  test("29 percent of a hundred is 29, although 0.29 * 100 is less", () => {
    const durations = Array.from({ length: 100 }, (_, n) => (n < 29 ? 1_000 : 10));
    expect(histogramOf(durations).exceededBy(0.29)).toBeLessThan(11);
  });

  test("clamps durations to its range", () => {
    expect(histogramOf([1e9]).exceededBy(0)).toBe(131_072);
    expect(histogramOf([0]).exceededBy(0)).toBe(1 / 1_024);
  });

  test("is empty initially and after clear", () => {
    const histogram = histogramOf([5, 6]);
    expect(histogram.count).toBe(2);
    histogram.clear();
    expect([histogram.count, histogram.exceededBy(0)]).toEqual([0, 0]);
  });
});
