import { describe, expect, test } from "vitest";
import { Latencies } from "../src/latencies.ts";

function latencies(change: { readonly share?: number; readonly minSamples?: number } = {}): Latencies {
  return new Latencies({ share: 0, windowMs: 100, minSamples: 2, now: 1_000, ...change });
}

describe("latencies", () => {
  test("what a period has shown holds for the whole next one, and no longer", () => {
    const all = latencies();
    all.record(1_000, 5);
    all.record(1_099, 7);
    expect(all.delayMs(1_099)).toBeUndefined();
    expect(all.delayMs(1_100)).toBe(8);
    expect(all.delayMs(1_199)).toBe(8);
    expect(all.delayMs(1_200)).toBeUndefined();
  });

  test("each period counts by itself", () => {
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

  test("too few say nothing", () => {
    const all = latencies({ minSamples: 3 });
    all.record(1_000, 5);
    all.record(1_001, 5);
    expect(all.delayMs(1_100)).toBeUndefined();
  });

  test("what lies further back than the last period says nothing", () => {
    const all = latencies();
    all.record(1_000, 5);
    all.record(1_001, 5);
    expect(all.delayMs(1_200)).toBeUndefined();
    expect(all.delayMs(1_300)).toBeUndefined();
  });

  test("periods keep their beat over a pause", () => {
    const all = latencies();
    all.record(1_350, 5);
    all.record(1_360, 5);
    expect(all.delayMs(1_399)).toBeUndefined();
    expect(all.delayMs(1_400)).toBe(6);
  });

  test("a call that ends in the next period counts there", () => {
    const all = latencies();
    all.record(1_099, 5);
    all.record(1_100, 5);
    expect(all.delayMs(1_100)).toBeUndefined();
    all.record(1_101, 9);
    expect(all.delayMs(1_200)).toBe(10);
  });

  test("takes the time that only the share exceeds, in whole milliseconds", () => {
    const all = latencies({ share: 0.5 });
    for (const ms of [0.2, 0.3, 70, 80]) all.record(1_000, ms);
    expect(all.delayMs(1_100)).toBe(1);
  });
});
