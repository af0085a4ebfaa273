import { describe, expect, test } from "vitest";
import { Latencies } from "../src/latencies.ts";

function latencies(change: { readonly share?: number; readonly minSamples?: number } = {}): Latencies {
  return new Latencies({ share: 0, windowMs: 100, minSamples: 2, now: 1_000, ...change });
}

describe("latencies", () => {
  test("the delay of a period applies to the next one only", () => {
    const all = latencies();
    all.record(1_000, 5);
    all.record(1_099, 7);
    expect(all.delayMs(1_099)).toBeUndefined();
    expect(all.delayMs(1_100)).toBe(8);
    expect(all.delayMs(1_199)).toBe(8);
    expect(all.delayMs(1_200)).toBeUndefined();
  });

  test("periods are counted separately", () => {
    const all = latencies();
    for (const [now, ms] of [
      [1_000, 50],
      [1_001, 50],
      [1_100, 3],
      [1_101, 3],
    ] as const) {
      all.record(now, ms);
    }
    expect(all.delayMs(1_150)).toBe(51);
    expect(all.delayMs(1_250)).toBe(4);
  });

  test("there is no delay with too few samples", () => {
    const all = latencies({ minSamples: 3 });
    all.record(1_000, 5);
    all.record(1_001, 5);
    expect(all.delayMs(1_100)).toBeUndefined();
  });

  test("periods before the last are ignored", () => {
    const all = latencies();
    all.record(1_000, 5);
    all.record(1_001, 5);
    expect(all.delayMs(1_200)).toBeUndefined();
    expect(all.delayMs(1_300)).toBeUndefined();
  });

  test("periods stay aligned across a pause", () => {
    const all = latencies();
    all.record(1_350, 5);
    all.record(1_360, 5);
    expect(all.delayMs(1_399)).toBeUndefined();
    expect(all.delayMs(1_400)).toBe(6);
  });

  test("a call counts in the period in which it ends", () => {
    const all = latencies();
    all.record(1_099, 5);
    all.record(1_100, 5);
    expect(all.delayMs(1_100)).toBeUndefined();
    all.record(1_101, 9);
    expect(all.delayMs(1_200)).toBe(10);
  });

  test("the delay is exceeded by the share only, in whole milliseconds", () => {
    const all = latencies({ share: 0.5 });
    for (const ms of [0.2, 0.3, 70, 80]) all.record(1_000, ms);
    expect(all.delayMs(1_100)).toBe(1);
  });
});
