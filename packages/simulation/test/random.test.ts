import { randomStream } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { exp, logNormal, pareto, zipf } from "../src/random.ts";

const draws = 20_000;

function sorted(draw: () => number): number[] {
  return Array.from({ length: draws }, draw).toSorted((a, b) => a - b);
}

describe("random draws", () => {
  test("exp agrees with Math.exp to 0.12%", () => {
    for (let x = -1.5; x <= 1.5; x += 0.01) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(0.001_2);
  });

  test("logNormal and pareto have the given median and minimum and bounded tails", () => {
    const random = randomStream(1, "test");
    const usual = sorted(() => logNormal(random, 10, 0.4));
    expect(usual[draws / 2]).toBeCloseTo(10, 0);
    expect(usual.at(-1)).toBeLessThan(45);
    const tail = sorted(() => pareto(random, 10));
    expect(tail[0]).toBeGreaterThanOrEqual(10);
    expect(tail[draws / 2]).toBeCloseTo(10 * Math.SQRT2, 0);
    expect(tail.at(-1)).toBeLessThanOrEqual(1_000);
  });

  test("zipf draws the first key twice as often as the second and three times as often as the third", () => {
    const random = randomStream(1, "test");
    const draw = zipf(50);
    const counts = Array.from({ length: 50 }, () => 0);
    for (let at = 0; at < draws; at++) counts[draw(random)]!++;
    const [first, second, third] = counts as [number, number, number];
    expect(first / second).toBeCloseTo(2, 0);
    expect(first / third).toBeCloseTo(3, 0);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });
});
