import { anyReady, isReady, oneshot, TimedWaitList, whenReady } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Breaker, consecutiveFailures } from "@pagoda/circuit-breaker";
import { bench, down, refused } from "./bench.ts";

describe("readiness", () => {
  test("an open breaker is not ready, and a check sets no timer", async () => {
    const { clock, layered, failing } = bench();
    await failing(2);
    expect(isReady(layered)).toBe(false);
    await settled();
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(isReady(layered)).toBe(true);
  });

  test("the first waiting caller becomes the probe, and the others wait for its result", async () => {
    const { clock, mock, layered, failing } = bench();
    await failing(2);
    for (const name of ["a", "b", "c"]) void oneshot(layered, name);
    await clock.advance(999);
    await mock.expectNoCall();
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    const probe = await mock.next();
    expect(probe.request).toBe("a");
    await mock.expectNoCall();
    expect(layered.describe().state).toMatchObject({ phase: "half-open", waiting: 2 });
    probe.answer("done");
    expect([(await mock.next()).request, (await mock.next()).request]).toEqual(["b", "c"]);
    expect(clock.pending).toBe(0);
  });

  test("if the probe fails, the others wait for the next one", async () => {
    const { clock, mock, layered, failing } = bench();
    await failing(2);
    for (const name of ["a", "b"]) void oneshot(layered, name);
    await clock.advance(1_000);
    (await mock.next()).fail(down);
    await clock.advance(1_999);
    await mock.expectNoCall();
    await clock.advance(1);
    expect((await mock.next()).request).toBe("b");
  });

  // Defect: only a caller that came later set the timer.
  test("the slots of probes that are never answered go to the waiting callers, one by one", async () => {
    const { clock, mock, layered, failing } = bench();
    await failing(2);
    for (const name of ["a", "b", "c"]) void oneshot(layered, name);
    for (const name of ["a", "b", "c"]) {
      await clock.advance(1_000);
      expect((await mock.next()).request).toBe(name);
      await mock.expectNoCall();
    }
    expect(clock.pending).toBe(0);
  });

  test("the slot of a probe that was aborted or refused locally goes to the next waiting caller", async () => {
    const { clock, mock, layered, failing, phase } = bench();
    await failing(2);
    const leaving = new AbortController();
    void oneshot(layered, "aborts", leaving.signal);
    for (const name of ["is refused", "decides"]) void oneshot(layered, name);
    await clock.advance(1_000);
    expect((await mock.next()).request).toBe("aborts");
    leaving.abort();
    const second = await mock.next();
    expect(second.request).toBe("is refused");
    second.fail(refused);
    const third = await mock.next();
    expect(third.request).toBe("decides");
    expect(phase()).toBe("half-open");
    third.answer("done");
    await settled();
    expect(phase()).toBe("closed");
  });

  test("the timer is cleared when the last waiting caller leaves", async () => {
    const { clock, layered, failing } = bench();
    await failing(2);
    const leaving = new AbortController();
    const results = ["a", "b"].map((name) => oneshot(layered, name, leaving.signal));
    await settled();
    expect(clock.pending).toBe(1);
    leaving.abort();
    await Promise.all(results);
    expect(clock.pending).toBe(0);
  });

  test("a caller that waits for any of several services is not blocked by an open one", async () => {
    const one = bench();
    const other = bench();
    await one.failing(2);
    other.mock.admit(0);
    let called = false;
    void whenReady({ ready: () => anyReady([one.layered, other.layered]) }, () => (called = true));
    await settled();
    other.mock.admit(1);
    await settled();
    expect(called).toBe(true);
    expect(one.clock.pending).toBe(0);
  });

  test("a promise of ready() awaited without whenReady settles", async () => {
    const { clock, layered, failing } = bench();
    await failing(2);
    let woken = false;
    void layered.ready()?.then(() => (woken = true));
    await clock.advance(999);
    expect(woken).toBe(false);
    await clock.advance(1);
    expect(woken).toBe(true);
  });

  test("time that passes between the check and the setting of the timer is not lost", async () => {
    let jump = 0;
    const { clock, mock, layered, failing } = benchWith(() => jump);
    await failing(2);
    void oneshot(layered, "a");
    // The machine was suspended right after the check.
    jump = 5_000;
    expect((await mock.next()).request).toBe("a");
    expect(clock.pending).toBe(0);
  });

  test.each([1, 2, 3])("time that passes before read %d of the clock loses no caller", async (passes) => {
    let looks = -Infinity;
    const { clock, mock, layered, failing } = benchWith(() => (++looks >= passes ? 5_000 : 0));
    await failing(2);
    void oneshot(layered, "a");
    looks = 0;
    await clock.advance(1_000);
    expect((await mock.next()).request).toBe("a");
  });

  test("a timer that fires early is set anew", async () => {
    let jump = 0;
    const { clock, mock, layered, failing } = benchWith(() => jump);
    await failing(2);
    void oneshot(layered, "a");
    await settled();
    jump = -0.5;
    await clock.advance(1_000);
    await mock.expectNoCall();
    await clock.advance(0.5);
    expect((await mock.next()).request).toBe("a");
  });

  test("a caller still waiting when it reopens has a timer, even if the woken one leaves", async () => {
    const clock = virtualClock();
    const breaker = new Breaker({ trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1 });
    const waiting = new TimedWaitList(clock, () => breaker.admitsInMs);
    const hear = (kind: "success" | "failure"): void => {
      breaker.record(breaker.admit() ?? probe, kind);
      waiting.changed();
    };
    let probe = 0;
    let acted = false;
    hear("failure");
    const leaving = new AbortController();
    void whenReady(waiting, () => (probe = breaker.admit() ?? 0));
    void whenReady(waiting, () => undefined, leaving.signal);
    void whenReady(waiting, () => (acted = true));
    await clock.advance(1_000);
    hear("success");
    // The second caller has been woken but has not run yet.
    hear("failure");
    leaving.abort();
    await clock.advance(1_000);
    expect(acted).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

/** The bench, on a clock that is ahead of its timers. */
function benchWith(ahead: () => number) {
  const made = bench();
  const { clock } = made;
  return { ...bench({ clock: { ...clock, now: () => clock.now() + ahead() } }), clock };
}
