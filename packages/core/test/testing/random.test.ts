import { randomStream, seededRandom } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

function take(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

describe("seededRandom", () => {
  test("returns the numbers of mulberry32", () => {
    expect(take(4, 1)).toEqual([
      0.6270739405881613, 0.002735721180215478, 0.5274470399599522, 0.9810509674716741,
    ]);
    expect(take(2, 2 ** 32 - 1)).toEqual([0.8964226141106337, 0.189478256739676]);
  });

  test("returns the same numbers for the same seed only", () => {
    expect(take(100, 7)).toEqual(take(100, 7));
    expect(take(100, 7)).not.toEqual(take(100, 8));
  });

  test("is uniformly distributed from 0 to below 1", () => {
    const bins = Array.from({ length: 20 }, () => 0);
    const values = take(100_000, 3);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    for (const value of values) {
      bins[Math.floor(value * 20)]! += 1;
    }
    // 5,000 expected in each; five standard deviations are 345.
    for (const count of bins) expect(Math.abs(count - 5_000)).toBeLessThan(345);
  });

  test("successive numbers are uncorrelated", () => {
    const values = take(100_000, 4);
    let sum = 0;
    for (const [index, value] of values.entries()) sum += (value - 0.5) * ((values[index + 1] ?? 0.5) - 0.5);
    // The correlation of neighbours; its standard deviation is 0.003.
    expect(Math.abs((12 * sum) / values.length)).toBeLessThan(0.016);
  });
});

describe("randomStream", () => {
  test("each purpose has its own stream, determined by the seed", () => {
    const first = (seed: number, purpose: string): number[] => {
      const random = randomStream(seed, purpose);
      return [random(), random(), random()];
    };
    expect(first(1, "arrivals")).toEqual(first(1, "arrivals"));
    expect(first(1, "arrivals")).not.toEqual(first(1, "callers"));
    expect(first(1, "arrivals")).not.toEqual(first(2, "arrivals"));
  });

  test("neighbouring seeds start with different numbers", () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => randomStream(seed, "arrivals")());
    expect(Math.min(...firsts)).toBeLessThan(0.01);
    expect(Math.max(...firsts)).toBeGreaterThan(0.99);
    expect(new Set(firsts).size).toBe(1_000);
  });
});
