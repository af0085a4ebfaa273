import type { VirtualClock } from "@pagoda/core/testing";
import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyOf, consecutiveFailures, successRate, type Trip, type Verdict } from "@pagoda/circuit-breaker";

/** Results of hearing `s`, `f` and `l`: success, failure, limited. */
function hear(trip: Trip, results: string, clock: VirtualClock = virtualClock()): unknown[] {
  const verdicts: { readonly [letter: string]: Verdict } = { s: "success", f: "failure", l: "limited" };
  const tally = trip.begin(clock);
  return [...results].map((letter) => tally.record(verdicts[letter] as Verdict)?.reason);
}

const none = undefined;
const row = "consecutive-failures";
const rate = "success-rate";

describe("consecutiveFailures", () => {
  test("opens at the last of count failures in a row", () => {
    expect(hear(consecutiveFailures(3), "fff")).toEqual([none, none, row]);
  });

  test("a success resets the count", () => {
    expect(hear(consecutiveFailures(2), "fsff")).toEqual([none, none, none, row]);
  });

  test("a limited result neither counts nor resets the count", () => {
    expect(hear(consecutiveFailures(2), "llflf")).toEqual([none, none, none, none, row]);
  });

  test("count defaults to 5", () => {
    expect(hear(consecutiveFailures(), "fffff").lastIndexOf(none)).toBe(3);
  });

  test.each([0, -1, 1.5, NaN])("rejects a count of %d", (count) => {
    expect(() => consecutiveFailures(count)).toThrow(
      `circuit-breaker: consecutiveFailures must be an integer of at least 1 (got ${count})`,
    );
  });
});

describe("successRate", () => {
  test("opens below the minimum rate, not at it", () => {
    expect(hear(successRate({ least: 0.5, minCalls: 4 }), "ssff")).toEqual([none, none, none, none]);
    expect(hear(successRate({ least: 0.5, minCalls: 4 }), "ssfff")[4]).toBe(rate);
  });

  test("stays closed with fewer than minCalls calls", () => {
    expect(hear(successRate({ minCalls: 5 }), "fffff")).toEqual([none, none, none, none, rate]);
  });

  test("does not open at a success", () => {
    expect(hear(successRate({ minCalls: 5 }), "ffffs")).toEqual([none, none, none, none, none]);
  });

  test("counts limited results as failures", () => {
    expect(hear(successRate({ minCalls: 2 }), "sl")).toEqual([none, rate]);
  });

  // Defect: 0.55 × 100 is 55.00000000000001.
  test("compares the rate exactly", () => {
    const results = "s".repeat(55) + "f".repeat(45);
    expect(hear(successRate({ least: 0.55, minCalls: 100 }), results)).not.toContain(rate);
  });

  test("property: counts the results of the last windowMs, to a tenth", async () => {
    const ops = fc.array(
      fc.oneof(
        { weight: 10, arbitrary: fc.record({ success: fc.boolean() }) },
        { weight: 10, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 150 }) }) },
        { weight: 1, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 3_000 }) }) },
      ),
      { maxLength: 120, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(ops, async (steps) => {
        const clock = virtualClock();
        const tally = successRate({ windowMs: 1_000 }).begin(clock);
        const calls: { readonly at: number; readonly success: boolean }[] = [];
        for (const step of steps) {
          if ("wait" in step) {
            await clock.advance(step.wait);
          } else {
            tally.record(step.success ? "success" : "failure");
            calls.push({ at: clock.now(), success: step.success });
          }
          const first = (Math.floor(clock.now() / 100) - 9) * 100;
          const counted = calls.filter(({ at }) => at >= first);
          const successes = counted.filter(({ success }) => success).length;
          expect(tally.state()).toEqual({
            calls: counted.length,
            successRate: counted.length === 0 ? null : successes / counted.length,
          });
        }
      }),
    );
  });

  test.each([
    [{ least: 0 }, "circuit-breaker: least must be a number above 0 and at most 1 (got 0)"],
    [{ least: 1.01 }, "circuit-breaker: least must be a number above 0 and at most 1 (got 1.01)"],
    [{ least: NaN }, "circuit-breaker: least must be a number above 0 and at most 1 (got NaN)"],
    [{ windowMs: 9 }, "circuit-breaker: windowMs must be a number of at least 10 (got 9)"],
    [{ windowMs: Infinity }, "circuit-breaker: windowMs must be a number of at least 10 (got Infinity)"],
    [{ minCalls: 0 }, "circuit-breaker: minCalls must be an integer of at least 1 (got 0)"],
  ])("rejects %o", (options, message) => {
    expect(() => successRate(options)).toThrow(message);
  });
});

describe("anyOf", () => {
  test("opens at the first trip that does, and all record every result", () => {
    const both = anyOf(successRate({ minCalls: 4 }), consecutiveFailures(3));
    expect(hear(both, "fsff")).toEqual([none, none, none, rate]);
    expect(hear(both, "fff")).toEqual([none, none, row]);
    const tally = anyOf(consecutiveFailures(1), successRate()).begin(virtualClock());
    tally.record("failure");
    expect(tally.state()).toMatchObject({ calls: 1 });
  });

  test("describes each trip", () => {
    const both = anyOf(consecutiveFailures(3), successRate());
    expect(both.options).toEqual([
      { consecutiveFailures: 3 },
      { successRate: 0.8, windowMs: 30_000, minCalls: 5 },
    ]);
    expect(both.begin(virtualClock()).state()).toEqual({
      consecutiveFailures: 0,
      successRate: null,
      calls: 0,
    });
  });

  test("begins tallies that share nothing", () => {
    const both = anyOf(consecutiveFailures(2), successRate({ minCalls: 2 }));
    expect([hear(both, "f"), hear(both, "f")]).toEqual([[none], [none]]);
  });

  test("rejects an empty list", () => {
    expect(() => anyOf()).toThrow("trips of anyOf must be a list of at least one trip (got [])");
  });
});
