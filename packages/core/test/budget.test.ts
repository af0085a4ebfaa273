import { budget } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

/** Takes all that is left. */
function drain(given: { withdraw(): boolean }): number {
  let taken = 0;
  while (given.withdraw()) taken++;
  return taken;
}

describe("budget", () => {
  test("allows exactly the ratio of deposited calls", () => {
    const given = budget({ ratio: 0.2, minPerSecond: 0, clock: virtualClock() });
    expect(given.withdraw()).toBe(false);
    for (let n = 0; n < 100; n++) given.deposit();
    expect(given.left).toBe(20);
    expect(drain(given)).toBe(20);
  });

  test.each([0.1, 0.3, 0.7, 1, 2.5])(
    "defect of other implementations: withdraws exactly a ratio of %d",
    (ratio) => {
      const given = budget({ ratio, minPerSecond: 0, clock: virtualClock() });
      for (let n = 0; n < 1_000; n++) given.deposit();
      expect(drain(given)).toBe(Math.round(1_000 * ratio));
    },
  );

  test("allows the minimum rate without traffic", () => {
    const given = budget({ clock: virtualClock() });
    expect(drain(given)).toBe(100);
  });

  test("forgets deposits and withdrawals older than the window", async () => {
    const clock = virtualClock();
    const given = budget({ ratio: 0.5, minPerSecond: 1, clock });
    for (let n = 0; n < 10; n++) given.deposit();
    expect(drain(given)).toBe(15);
    await clock.advance(10_099);
    expect(given.left).toBe(0);
    await clock.advance(1);
    expect(given.left).toBe(10);
  });

  test("property: no span as long as the window exceeds the ratio", async () => {
    const steps = fc.array(fc.record({ ms: fc.nat(400), calls: fc.nat(20), wanted: fc.nat(20) }), {
      minLength: 20,
      maxLength: 200,
    });
    const options = fc.record({
      ratio: fc.double({ min: 0, max: 2, noNaN: true }),
      minPerSecond: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(options, steps, async ({ ratio, minPerSecond }, all) => {
        const clock = virtualClock();
        const given = budget({ ratio, minPerSecond, windowMs: 1_000, clock });
        const asked: number[] = [];
        const taken: number[] = [];
        for (const { ms, calls, wanted } of all) {
          await clock.advance(ms);
          for (let n = 0; n < calls; n++) given.deposit();
          asked.push(...Array.from({ length: calls }, () => clock.now()));
          for (let n = 0; n < wanted; n++) if (given.withdraw()) taken.push(clock.now());
        }
        for (const end of taken) {
          const within = (times: number[]): number =>
            times.filter((at) => at > end - 1_000 && at <= end).length;
          expect(within(taken)).toBeLessThanOrEqual(ratio * within(asked) + minPerSecond + 1e-6);
        }
      }),
    );
  });

  test.each([
    [{ ratio: -0.1 }, "budget: ratio must be a number from 0 to 1000 (got -0.1)"],
    [{ ratio: NaN }, "budget: ratio must be a number from 0 to 1000 (got NaN)"],
    [{ minPerSecond: -1 }, "budget: minPerSecond must be a number of at least 0 (got -1)"],
    [{ windowMs: 9 }, "budget: windowMs must be a number of at least 10 (got 9)"],
  ])("refuses %j", (options, problem) => {
    expect(() => budget(options)).toThrow(problem);
  });
});
