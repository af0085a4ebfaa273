import { isReady, isRight, oneshot, whenReady } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bench } from "./bench.ts";

const global = { perSecond: 10, burst: 1 };

describe("waiting for the global limit", () => {
  test("admits waiters in order, as soon as the rate allows", async () => {
    const { clock, mock, layered, admits } = bench({ global });
    await admits();
    await mock.next();
    const entered: string[] = [];
    for (const name of ["a", "b", "c"]) {
      void oneshot(layered, name).then(() => entered.push(`${name} at ${clock.now()}`));
    }
    for (let n = 0; n < 3; n++) {
      await clock.advance(100);
      (await mock.next()).answer("done");
      await settled();
    }
    expect(entered).toEqual(["a at 100", "b at 200", "c at 300"]);
  });

  test("sets one timer while someone is waiting", async () => {
    const { clock, layered, admits } = bench({ global });
    expect(isReady(layered)).toBe(true);
    await admits();
    expect(clock.pending).toBe(0);
    const controllers = [new AbortController(), new AbortController()];
    const waits = controllers.map(({ signal }) => whenReady(layered, () => "in", signal));
    await settled();
    expect(clock.pending).toBe(1);
    for (const controller of controllers) controller.abort();
    expect(await Promise.all(waits)).toEqual([undefined, undefined]);
    expect(clock.pending).toBe(0);
  });

  test("ready without waiting leaves no timer", async () => {
    const { clock, layered, admits } = bench({ global });
    await admits();
    expect(isReady(layered)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test("a call that did not wait delays waiters but loses none", async () => {
    const { clock, mock, layered, admits } = bench({ global });
    await admits();
    const result = oneshot(layered, "waits");
    await settled();
    // In the tick in which the limit allows another call, before the timer fires.
    clock.setTimer(100, () => void layered.call("jumps"));
    await clock.advance(200);
    for (const call of mock.calls) call.answer("done");
    expect(isRight(await result)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("can wait longer than the platform's timers", async () => {
    const daysMs = 2_592_000_000;
    const { clock, layered, admits } = bench({ global: { perSecond: 1_000 / daysMs, burst: 1 } });
    const set: number[] = [];
    const { setTimer } = clock;
    clock.setTimer = (ms, run) => {
      set.push(ms);
      return setTimer(ms, run);
    };
    await admits();
    const wait = whenReady(layered, () => clock.now());
    await clock.runAll();
    expect(await wait).toBeCloseTo(daysMs, 3);
    expect(set).toEqual([2 ** 31 - 1, expect.closeTo(daysMs - 2 ** 31 + 1, 3)]);
  });

  test("property: all remaining waiters are admitted, never faster than the rate", async () => {
    const plan = fc.array(
      fc.record({ comesAt: fc.integer({ min: 0, max: 300 }), staysFor: fc.integer({ min: 0, max: 400 }) }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(plan, fc.integer({ min: 1, max: 3 }), async (visits, burst) => {
        const { clock, layered } = bench({ global: { perSecond: 50, burst } });
        const entered: number[] = [];
        const waits: Promise<unknown>[] = [];
        let left = 0;
        for (const { comesAt, staysFor } of visits) {
          clock.setTimer(comesAt, () => {
            const controller = new AbortController();
            const enter = (): void => {
              entered.push(clock.now());
              void layered.call("a", AbortSignal.abort());
            };
            waits.push(whenReady(layered, enter, controller.signal));
            clock.setTimer(staysFor, () => {
              left++;
              controller.abort();
            });
          });
        }
        await clock.advance(5_000);
        await Promise.all(waits);
        expect(waits).toHaveLength(visits.length);
        expect(left).toBe(visits.length);
        entered.forEach((to, last) => {
          for (let first = 0; first <= last; first++) {
            const span = to - (entered[first] as number);
            expect(last - first + 1).toBeLessThanOrEqual(span / 20 + burst + 1e-9);
          }
        });
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
