import type { HealthSource } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { outlierDetection } from "@pagoda/health";
import { type Call, detecting, letters } from "./detecting.ts";

const five: readonly Call[] = Array.from({ length: 5 }, () => "failure");

describe("consecutive failures", () => {
  test("five eject an endpoint at once for 30 s", async () => {
    const { clock, ended, ill, events } = detecting(letters(2));
    ended("a", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
    expect(events.splice(0)).toEqual(["a ejected consecutive-failures 30000 1", "a changed"]);
    await clock.advance(29_999);
    expect(ill()).toBe("a");
    await clock.advance(1);
    expect(ill()).toBe("");
    expect(events).toEqual(["a returned", "a changed"]);
  });

  test("the observer learns which call led to an ejection, and after how many failures", () => {
    const seen: unknown[] = [];
    const source = outlierDetection({
      clock: virtualClock(),
      consecutiveFailures: 2,
      observer: { ejected: (key, { failures }, call) => seen.push([key, failures, call]) },
    });
    const [watch] = letters(2).map((key) => source.watch({ key }, () => {}));
    for (const call of ["first", "second", "third"])
      watch?.ended?.({ kind: "failure", retryable: false }, call);
    expect(seen).toEqual([["a", 2, "second"]]);
  });

  test("an ejection can be ended early, and its timer with it", async () => {
    const { clock, source, ended, ill, events } = detecting(letters(3));
    expect(source.endEjection("a")).toBe(false);
    ended("a", ...five);
    await clock.advance(29_000);
    events.length = 0;
    expect(source.endEjection("b")).toBe(false);
    expect(source.endEjection("a")).toBe(true);
    expect(ill()).toBe("");
    expect(events).toEqual(["a returned", "a changed"]);
    ended("a", ...five);
    await clock.advance(2_000);
    expect(ill()).toBe("a");
  });

  test("a success resets the count", () => {
    const { ended, ill } = detecting(letters(2));
    ended("a", ...five.slice(1), "success", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test.each(["limited", "neutral"] as const)("a %s result neither counts nor resets", (call) => {
    const { ended, ill } = detecting(letters(2));
    ended("a", ...five.slice(1), call, call, call, call, call);
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test("local refusals are ignored", () => {
    const { ended, state } = detecting(letters(2));
    ended("a", ...Array.from({ length: 200 }, () => "neutral" as const));
    expect(state("a")).toEqual({ healthy: true, times: 0, consecutiveFailures: 0, calls: 0, successes: 0 });
  });

  test("the count restarts after a return, without calls made while ejected", async () => {
    const { clock, ended, ill } = detecting(letters(2));
    ended("a", ...five, ...five);
    await clock.advance(30_000);
    expect(ill()).toBe("");
    ended("a", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test("Infinity disables ejection", () => {
    const { ended, ill } = detecting(letters(2), { consecutiveFailures: Infinity });
    for (let n = 0; n < 100; n++) ended("a", ...five);
    expect(ill()).toBe("");
  });
});

describe("consecutive gateway failures", () => {
  const gateway: readonly Call[] = ["gateway", "gateway", "gateway"];

  test("eject at their own threshold", () => {
    const { ended, events } = detecting(letters(2), { consecutiveGatewayFailures: 3 });
    ended("a", ...gateway);
    expect(events).toEqual(["a ejected consecutive-gateway-failures 30000 1", "a changed"]);
  });

  test("are reset by another failure and by a success", () => {
    const { ended, ill } = detecting(letters(2), { consecutiveGatewayFailures: 3 });
    ended("a", "gateway", "gateway", "failure", "gateway", "success", "gateway", "gateway");
    expect(ill()).toBe("");
    ended("a", "gateway");
    expect(ill()).toBe("a");
  });

  test("count as ordinary failures only, by default", () => {
    const { ended, events } = detecting(letters(2));
    ended("a", ...gateway, "failure");
    expect(events).toEqual([]);
    ended("a", "gateway");
    expect(events[0]).toBe("a ejected consecutive-failures 30000 1");
  });
});

describe("ejection time", () => {
  /** Ejects an endpoint again right after each return and collects the durations. */
  async function times(count: number, options = {}): Promise<readonly number[]> {
    const { clock, ended, events } = detecting(letters(2), options);
    const times: number[] = [];
    while (times.length < count) {
      ended("a", ...five);
      const forMs = Number(events[0]?.split(" ")[3]);
      times.push(forMs);
      await clock.advance(forMs);
      events.length = 0;
    }
    return times;
  }

  test("grows by 30 s per consecutive ejection, up to 300 s", async () => {
    expect(await times(12)).toEqual([
      30_000, 60_000, 90_000, 120_000, 150_000, 180_000, 210_000, 240_000, 270_000, 300_000, 300_000, 300_000,
    ]);
  });

  test("is capped at maxEjectionMs even if that is not a multiple", async () => {
    expect(await times(4, { ejectionMs: 100, maxEjectionMs: 250, intervalMs: 1_000_000 })).toEqual([
      100, 200, 250, 250,
    ]);
  });

  test("shrinks by the same amount per whole interval without trouble", async () => {
    const { clock, ended, state } = detecting(letters(2));
    ended("a", ...five);
    // Ejected three times in a row, at 0, 30 and 90 s. Returned at 180 s.
    await clock.advance(30_000);
    ended("a", ...five);
    await clock.advance(60_000);
    ended("a", ...five);
    await clock.advance(95_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 3 });
    // The interval from 180 s to 190 s was complete.
    await clock.advance(5_000);
    expect(state("a")).toMatchObject({ times: 2 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 1 });
    await clock.advance(100_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("does not shrink for an interval with a partial ejection", async () => {
    const { clock, ended, state } = detecting(letters(2), { ejectionMs: 25_000 });
    ended("a", ...five);
    await clock.advance(30_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 1 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("does not shrink for an interval with an ejection and return, or an outlier above the limit", async () => {
    const { clock, ended, state, events } = detecting(letters(2), { ejectionMs: 3_000 });
    ended("a", ...five);
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 1 });
    ended("b", ...five);
    ended("a", ...five);
    expect(events.at(-1)).toBe("a overflowed consecutive-failures");
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 1 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("never shrinks below ejectionMs", async () => {
    const { clock, ended, events } = detecting(letters(2));
    await clock.advance(100_000);
    ended("a", ...five);
    expect(events[0]).toBe("a ejected consecutive-failures 30000 1");
  });
});

describe("source", () => {
  test("describes options and state, each endpoint with its reason", async () => {
    const { clock, source, ended, state } = detecting(letters(4));
    ended("a", ...five);
    ended("b", "success", "failure");
    await clock.advance(4_000);
    expect(source.describe()).toEqual({
      name: "outlier-detection",
      options: {
        consecutiveFailures: 5,
        consecutiveGatewayFailures: "never",
        intervalMs: 10_000,
        minCalls: 100,
        minEndpoints: 5,
        deviations: 1.9,
        ejectionMs: 30_000,
        maxEjectionMs: 300_000,
        maxEjectedRatio: 0.1,
      },
      state: { endpoints: 4, ejected: 1 },
    });
    expect(state("a")).toEqual({
      healthy: false,
      reason: "consecutive-failures",
      ejectedForMs: 30_000,
      returnsInMs: 26_000,
      times: 1,
      consecutiveFailures: 0,
      calls: 0,
      successes: 0,
    });
    expect(state("b")).toEqual({ healthy: true, times: 0, consecutiveFailures: 1, calls: 2, successes: 1 });
  });

  test("stops its timer when the last endpoint is removed", () => {
    const { clock, source, events } = detecting([]);
    expect(clock.pending).toBe(0);
    const watch = source.watch({ key: "a" }, () => events.push("a changed"));
    const others = ["b", "c"].map((key) => source.watch({ key }, () => {}));
    for (let n = 0; n < 5; n++) watch.ended?.({ kind: "failure", retryable: false });
    events.length = 0;
    watch.close();
    watch.close();
    for (let n = 0; n < 9; n++) watch.ended?.({ kind: "failure", retryable: false });
    expect([events, clock.pending]).toEqual([[], 1]);
    for (const other of others) other.close();
    expect(clock.pending).toBe(0);
  });

  test("a call that ends after its endpoint was removed is ignored", () => {
    const { clock, source, events } = detecting(letters(2));
    const gone = source.watch({ key: "gone" }, () => events.push("gone changed"));
    gone.close();
    for (let n = 0; n < 9; n++) gone.ended?.({ kind: "failure", retryable: false });
    expect([events, gone.healthy, clock.pending]).toEqual([[], true, 1]);
  });

  test("resumes when endpoints return", async () => {
    const { clock, come, go, ended, ill } = detecting(letters(2));
    go("a", "b");
    come("a", "b");
    expect(clock.pending).toBe(1);
    ended("a", ...five);
    expect(ill()).toBe("a");
  });

  test("reads no clock and sets no timer for a successful call", () => {
    let readings = 0;
    const clock = { ...virtualClock(), now: () => ++readings };
    const watch = outlierDetection({ clock }).watch({ key: "a" }, () => {});
    const before = readings;
    for (let n = 0; n < 100; n++) watch.ended?.({ kind: "success", retryable: false });
    expect(readings).toBe(before);
    watch.close();
  });

  test("is a HealthSource of any endpoint with a description", () => {
    expectTypeOf(outlierDetection).returns.toExtend<HealthSource>();
    expectTypeOf(outlierDetection).returns.toExtend<
      HealthSource<{ readonly key: string; readonly zone: string }>
    >();
    // @ts-expect-error: unknown option.
    outlierDetection({ maxEjected: 2 });
  });
});

describe("invalid options", () => {
  const most = 2_147_483_647;
  test.each([
    [
      { consecutiveFailures: 0 },
      "outlierDetection: consecutiveFailures must be an integer of at least 1, or Infinity (got 0)",
    ],
    [
      { consecutiveGatewayFailures: 1.5 },
      "outlierDetection: consecutiveGatewayFailures must be an integer of at least 1, or Infinity (got 1.5)",
    ],
    [{ intervalMs: 0 }, `outlierDetection: intervalMs must be a number above 0 and at most ${most} (got 0)`],
    [
      { intervalMs: Infinity },
      "outlierDetection: intervalMs must be a number above 0 and at most 2147483647 (got Infinity)",
    ],
    [{ minCalls: 0 }, "outlierDetection: minCalls must be an integer of at least 1 (got 0)"],
    [{ minEndpoints: NaN }, "outlierDetection: minEndpoints must be an integer of at least 1 (got NaN)"],
    [{ deviations: 0 }, "outlierDetection: deviations must be a number above 0, or Infinity (got 0)"],
    [
      { ejectionMs: -1 },
      "outlierDetection: ejectionMs must be a number above 0 and at most 2147483647 (got -1)",
    ],
    [
      { maxEjectionMs: 29_999 },
      `maxEjectionMs must be a number from ejectionMs (30000) to ${most} (got 29999)`,
    ],
    [{ maxEjectedRatio: 1.1 }, "outlierDetection: maxEjectedRatio must be a number from 0 to 1 (got 1.1)"],
  ])("are refused: %o", (options, message) => {
    expect(() => outlierDetection(options)).toThrow(RangeError);
    expect(() => outlierDetection(options)).toThrow(message);
  });

  test("an ejectionMs above the default of maxEjectionMs raises it", () => {
    expect(outlierDetection({ ejectionMs: 400_000 }).describe().options?.["maxEjectionMs"]).toBe(400_000);
  });
});
