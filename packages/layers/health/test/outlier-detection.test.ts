import type { HealthSource } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { outlierDetection } from "@pagoda/health";
import { type Call, detecting, letters } from "./detecting.ts";

const five: readonly Call[] = Array.from({ length: 5 }, () => "failure");

describe("failures in a row", () => {
  test("five eject an endpoint for 30 s, at once", async () => {
    const { clock, ended, ill, told } = detecting(letters(2));
    ended("a", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
    expect(told.splice(0)).toEqual(["a ejected consecutive-failures 30000 1", "a changed"]);
    await clock.advance(29_999);
    expect(ill()).toBe("a");
    await clock.advance(1);
    expect(ill()).toBe("");
    expect(told).toEqual(["a returned", "a changed"]);
  });

  test("a success ends the row", () => {
    const { ended, ill } = detecting(letters(2));
    ended("a", ...five.slice(1), "success", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test.each(["limited", "neutral"] as const)("a result that is %s neither ends it nor counts", (call) => {
    const { ended, ill } = detecting(letters(2));
    ended("a", ...five.slice(1), call, call, call, call, call);
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test("local refusals count nowhere", () => {
    const { ended, state } = detecting(letters(2));
    ended("a", ...Array.from({ length: 200 }, () => "neutral" as const));
    expect(state("a")).toEqual({ healthy: true, times: 0, consecutiveFailures: 0, calls: 0, successes: 0 });
  });

  test("after a return the row begins anew, and calls made meanwhile do not count", async () => {
    const { clock, ended, ill } = detecting(letters(2));
    ended("a", ...five, ...five);
    await clock.advance(30_000);
    expect(ill()).toBe("");
    ended("a", ...five.slice(1));
    expect(ill()).toBe("");
    ended("a", "failure");
    expect(ill()).toBe("a");
  });

  test("Infinity ejects for none", () => {
    const { ended, ill } = detecting(letters(2), { consecutiveFailures: Infinity });
    for (let n = 0; n < 100; n++) ended("a", ...five);
    expect(ill()).toBe("");
  });
});

describe("gateway failures in a row", () => {
  const gateway: readonly Call[] = ["gateway", "gateway", "gateway"];

  test("eject earlier than others, where asked for", () => {
    const { ended, told } = detecting(letters(2), { consecutiveGatewayFailures: 3 });
    ended("a", ...gateway);
    expect(told).toEqual(["a ejected consecutive-gateway-failures 30000 1", "a changed"]);
  });

  test("are ended by a failure of another kind, and by a success", () => {
    const { ended, ill } = detecting(letters(2), { consecutiveGatewayFailures: 3 });
    ended("a", "gateway", "gateway", "failure", "gateway", "success", "gateway", "gateway");
    expect(ill()).toBe("");
    ended("a", "gateway");
    expect(ill()).toBe("a");
  });

  test("count as failures like any other, and as nothing more unless asked for", () => {
    const { ended, told } = detecting(letters(2));
    ended("a", ...gateway, "failure");
    expect(told).toEqual([]);
    ended("a", "gateway");
    expect(told[0]).toBe("a ejected consecutive-failures 30000 1");
  });
});

describe("the time of an ejection", () => {
  /** Ejects an endpoint again right after each return, and says for how long each time. */
  async function times(count: number, options = {}): Promise<readonly number[]> {
    const { clock, ended, told } = detecting(letters(2), options);
    const times: number[] = [];
    while (times.length < count) {
      ended("a", ...five);
      const forMs = Number(told[0]?.split(" ")[3]);
      times.push(forMs);
      await clock.advance(forMs);
      told.length = 0;
    }
    return times;
  }

  test("is longer by 30 s each time in a row, up to 300 s", async () => {
    expect(await times(12)).toEqual([
      30_000, 60_000, 90_000, 120_000, 150_000, 180_000, 210_000, 240_000, 270_000, 300_000, 300_000, 300_000,
    ]);
  });

  test("ends at the longest also where that is no multiple", async () => {
    expect(await times(4, { ejectionMs: 100, maxEjectionMs: 250, intervalMs: 1_000_000 })).toEqual([
      100, 200, 250, 250,
    ]);
  });

  test("is shorter again by as much for each whole interval that went well", async () => {
    const { clock, ended, state } = detecting(letters(2));
    ended("a", ...five);
    // Ejected at 0, 30 and 90 s: three times in a row. Returned at 180 s.
    await clock.advance(30_000);
    ended("a", ...five);
    await clock.advance(60_000);
    ended("a", ...five);
    await clock.advance(95_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 3 });
    // The interval from 180 s to 190 s was whole.
    await clock.advance(5_000);
    expect(state("a")).toMatchObject({ times: 2 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 1 });
    await clock.advance(100_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("an interval of which it was ejected for a part did not go well", async () => {
    const { clock, ended, state } = detecting(letters(2), { ejectionMs: 25_000 });
    ended("a", ...five);
    await clock.advance(30_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 1 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("nor did one in which it was ejected and came back, or was spared", async () => {
    const { clock, ended, state, told } = detecting(letters(2), { ejectionMs: 3_000 });
    ended("a", ...five);
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ healthy: true, times: 1 });
    ended("b", ...five);
    ended("a", ...five);
    expect(told.at(-1)).toBe("a spared consecutive-failures");
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 1 });
    await clock.advance(10_000);
    expect(state("a")).toMatchObject({ times: 0 });
  });

  test("does not come down below the first for one that was never ejected", async () => {
    const { clock, ended, told } = detecting(letters(2));
    await clock.advance(100_000);
    ended("a", ...five);
    expect(told[0]).toBe("a ejected consecutive-failures 30000 1");
  });
});

describe("the source", () => {
  test("describes its options and how it stands, each endpoint with the reason", async () => {
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

  test("leaves no timer when the last endpoint has gone, and hears nothing any more", () => {
    const { clock, source, told } = detecting([]);
    expect(clock.pending).toBe(0);
    const watch = source.watch({ key: "a" }, () => told.push("a changed"));
    const others = ["b", "c"].map((key) => source.watch({ key }, () => {}));
    for (let n = 0; n < 5; n++) watch.ended?.({ kind: "failure", retryable: false });
    told.length = 0;
    watch.close();
    watch.close();
    for (let n = 0; n < 9; n++) watch.ended?.({ kind: "failure", retryable: false });
    expect([told, clock.pending]).toEqual([[], 1]);
    for (const other of others) other.close();
    expect(clock.pending).toBe(0);
  });

  test("a call that ends after its endpoint has gone counts nowhere", () => {
    const { clock, source, told } = detecting(letters(2));
    const gone = source.watch({ key: "gone" }, () => told.push("gone changed"));
    gone.close();
    for (let n = 0; n < 9; n++) gone.ended?.({ kind: "failure", retryable: false });
    expect([told, gone.healthy, clock.pending]).toEqual([[], true, 1]);
  });

  test("begins again when endpoints come back", async () => {
    const { clock, come, go, ended, ill } = detecting(letters(2));
    go("a", "b");
    come("a", "b");
    expect(clock.pending).toBe(1);
    ended("a", ...five);
    expect(ill()).toBe("a");
  });

  test("reads no clock and sets no timer for a call that ends well", () => {
    let readings = 0;
    const clock = { ...virtualClock(), now: () => ++readings };
    const watch = outlierDetection({ clock }).watch({ key: "a" }, () => {});
    const before = readings;
    for (let n = 0; n < 100; n++) watch.ended?.({ kind: "success", retryable: false });
    expect(readings).toBe(before);
    watch.close();
  });

  test("is a health source of any endpoint, and one that is described", () => {
    expectTypeOf(outlierDetection).returns.toExtend<HealthSource>();
    expectTypeOf(outlierDetection).returns.toExtend<
      HealthSource<{ readonly key: string; readonly zone: string }>
    >();
    // @ts-expect-error: a share is no number of endpoints, and there is no such option.
    outlierDetection({ maxEjected: 2 });
  });
});

describe("options that make no sense", () => {
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

  test("a first ejection that is longer than the longest by default makes that longer", () => {
    expect(outlierDetection({ ejectionMs: 400_000 }).describe().options?.["maxEjectionMs"]).toBe(400_000);
  });
});
