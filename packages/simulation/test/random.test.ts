import { describe, expect, test } from "vitest";
import { exp, exponential, ln, logNormal, pareto, stream, zipf } from "../src/random.ts";

const draws = 20_000;

function sorted(draw: () => number): number[] {
  return Array.from({ length: draws }, draw).toSorted((a, b) => a - b);
}

describe("random draws", () => {
  test("each purpose has its own stream, determined by the seed", () => {
    const first = (seed: number, purpose: string): number[] => {
      const random = stream(seed, purpose);
      return [random(), random(), random()];
    };
    expect(first(1, "arrivals")).toEqual(first(1, "arrivals"));
    expect(first(1, "arrivals")).not.toEqual(first(1, "callers"));
    expect(first(1, "arrivals")).not.toEqual(first(2, "arrivals"));
  });

  test("neighbouring seeds start with different numbers", () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => stream(seed, "arrivals")());
    expect(Math.min(...firsts)).toBeLessThan(0.01);
    expect(Math.max(...firsts)).toBeGreaterThan(0.99);
    expect(new Set(firsts).size).toBe(1_000);
  });

  test("ln agrees with Math.log to 12 digits", () => {
    for (let x = 1; x > 1e-9; x *= 0.97) expect(Math.abs(ln(x) - Math.log(x))).toBeLessThan(1e-12);
    expect(ln(1)).toBe(0);
  });

  test("exp agrees with Math.exp to 0.12%", () => {
    for (let x = -1.5; x <= 1.5; x += 0.01) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(0.001_2);
  });

  test("exponential has the given mean and the matching median", () => {
    const random = stream(1, "test");
    const all = sorted(() => exponential(random, 10));
    expect(all.reduce((a, b) => a + b) / draws).toBeCloseTo(10, 0);
    expect(all[draws / 2]).toBeCloseTo(10 * Math.LN2, 0);
  });

  test("logNormal and pareto have the given median and minimum and bounded tails", () => {
    const random = stream(1, "test");
    const usual = sorted(() => logNormal(random, 10, 0.4));
    expect(usual[draws / 2]).toBeCloseTo(10, 0);
    expect(usual.at(-1)).toBeLessThan(45);
    const tail = sorted(() => pareto(random, 10));
    expect(tail[0]).toBeGreaterThanOrEqual(10);
    expect(tail[draws / 2]).toBeCloseTo(10 * Math.SQRT2, 0);
    expect(tail.at(-1)).toBeLessThanOrEqual(1_000);
  });

  test("zipf draws the first key twice as often as the second and three times as often as the third", () => {
    const random = stream(1, "test");
    const draw = zipf(50);
    const counts = Array.from({ length: 50 }, () => 0);
    for (let at = 0; at < draws; at++) counts[draw(random)]!++;
    const [first, second, third] = counts as [number, number, number];
    expect(first / second).toBeCloseTo(2, 0);
    expect(first / third).toBeCloseTo(3, 0);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });
});
