import { exponentialTime, portableExp, portableLog, randomStream } from "@pagoda/core/testing";
import { expect, test } from "vitest";

test("portableLog agrees with Math.log to 12 digits", () => {
  for (let x = 1e6; x > 1e-9; x *= 0.97) expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThan(1e-12);
  expect(portableLog(1)).toBe(0);
});

test("portableExp agrees with Math.exp to 12 digits", () => {
  for (let x = -20; x <= 20; x += 0.013)
    expect(Math.abs(portableExp(x) / Math.exp(x) - 1)).toBeLessThan(1e-12);
  expect(portableExp(0)).toBe(1);
});

test("exponentialTime has the given mean and the matching median", () => {
  const draws = 20_000;
  const random = randomStream(1, "test");
  const all = Array.from({ length: draws }, () => exponentialTime(random, 10)).toSorted((a, b) => a - b);
  expect(all.reduce((a, b) => a + b) / draws).toBeCloseTo(10, 0);
  expect(all[draws / 2]).toBeCloseTo(10 * Math.LN2, 0);
});
