import { describe, expect, test } from "vitest";
import { summaryOf } from "../proxy/sample.ts";
import { medianOf, quantileOf } from "../proxy/statistics.ts";

describe("statistics", () => {
  test("the median of an even number is the mean of the middle two", () => {
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([])]).toEqual([2, 2.5, NaN]);
  });

  test("a quantile is a value that occurred", () => {
    const values = Float64Array.from({ length: 1_000 }, (_, i) => i + 1);
    expect([0, 0.5, 0.99, 0.999, 1].map((share) => quantileOf(share, values))).toEqual([
      1, 500, 990, 999, 1_000,
    ]);
    expect(quantileOf(0.5, new Float64Array())).toBeNaN();
  });

  test("user and kernel time divide the median by the clock samples of all rounds", () => {
    const round = { requestsPerSecond: 1, busy: 1, p50Ms: 1, p99Ms: 1 };
    const summary = summaryOf([
      { ...round, cpuUs: 30, userTicks: 0, kernelTicks: 0 },
      { ...round, cpuUs: 20, userTicks: 6, kernelTicks: 1 },
      { ...round, cpuUs: 40, userTicks: 0, kernelTicks: 1 },
    ]);
    expect(summary).toMatchObject({ cpuUs: 30, leastCpuUs: 20, userUs: 22.5, kernelUs: 7.5 });
  });
});
