import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

/** A clock, and a log of which timers fired when. */
function bench() {
  const clock = virtualClock();
  const fired: string[] = [];
  const set = (name: string, ms: number): object =>
    clock.setTimer(ms, () => fired.push(`${name}@${clock.now()}`));
  return { clock, fired, set };
}

describe("virtualClock", () => {
  test("stands still until it is advanced", async () => {
    const { clock, fired, set } = bench();
    set("a", 0);
    expect([clock.now(), fired, clock.pending]).toEqual([0, [], 1]);
    await clock.advance(0);
    expect([clock.now(), fired, clock.pending]).toEqual([0, ["a@0"], 0]);
  });

  test("fires each timer at its own moment, in the order of time", async () => {
    const { clock, fired, set } = bench();
    for (const ms of [30, 10, 20, 31]) set(`${ms}`, ms);
    await clock.advance(30);
    expect(fired).toEqual(["10@10", "20@20", "30@30"]);
    expect(clock.now()).toBe(30);
    expect(clock.pending).toBe(1);
  });

  test("fires timers of the same moment in the order in which they were set", async () => {
    const { clock, fired, set } = bench();
    for (const name of ["a", "b", "c", "d", "e"]) set(name, 5);
    await clock.advance(5);
    expect(fired).toEqual(["a@5", "b@5", "c@5", "d@5", "e@5"]);
  });

  test("lets everything settle before the next timer of the same moment", async () => {
    const { clock, fired, set } = bench();
    clock.setTimer(5, () => void Promise.resolve().then(() => fired.push("set off")));
    set("next", 5);
    await clock.advance(5);
    expect(fired).toEqual(["set off", "next@5"]);
  });

  test("lets earlier work settle first, so that a timer it sets is in time", async () => {
    const { clock, fired, set } = bench();
    void Promise.resolve().then(() => set("late", 3));
    await clock.advance(3);
    expect(fired).toEqual(["late@3"]);
  });

  test("does not fire a cleared timer, however often it was cleared", async () => {
    const { clock, fired, set } = bench();
    const timer = set("a", 5);
    set("b", 5);
    clock.clearTimer(timer);
    clock.clearTimer(timer);
    expect(clock.pending).toBe(1);
    await clock.advance(5);
    expect(fired).toEqual(["b@5"]);
  });

  test("clearing a timer that has fired does nothing", async () => {
    const { clock, set } = bench();
    const timer = set("a", 5);
    set("b", 9);
    await clock.advance(5);
    clock.clearTimer(timer);
    expect(clock.pending).toBe(1);
  });

  test("a timer can clear another one of the same moment", async () => {
    const { clock, fired, set } = bench();
    clock.setTimer(5, () => clock.clearTimer(victim));
    const victim = set("victim", 5);
    await clock.advance(5);
    expect(fired).toEqual([]);
  });

  test("fires timers set by timers, if they are due", async () => {
    const { clock, fired } = bench();
    const again = (): void => {
      fired.push(`${clock.now()}`);
      clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    await clock.advance(35);
    expect(fired).toEqual(["10", "20", "30"]);
    expect([clock.now(), clock.pending]).toEqual([35, 1]);
  });

  test("treats a negative delay as 0", async () => {
    const { clock, fired, set } = bench();
    await clock.advance(10);
    set("a", -5);
    await clock.advance(0);
    expect(fired).toEqual(["a@10"]);
  });

  test("runAll fires timers until none is left, however far in the future", async () => {
    const { clock, fired, set } = bench();
    set("far", 1e9);
    clock.setTimer(5, () => set("nested", 5));
    await clock.runAll();
    expect(fired).toEqual(["nested@10", `far@${1e9}`]);
    expect([clock.now(), clock.pending]).toEqual([1e9, 0]);
  });

  test("fireNext fires one timer without letting anything settle", async () => {
    const { clock, fired, set } = bench();
    clock.setTimer(5, () => void Promise.resolve().then(() => fired.push("set off")));
    set("a", 9);
    expect(clock.fireNext()).toBe(true);
    expect([fired, clock.now()]).toEqual([[], 5]);
    expect(clock.fireNext()).toBe(true);
    expect([fired, clock.now()]).toEqual([["a@9"], 9]);
    expect(clock.fireNext()).toBe(false);
    await Promise.resolve();
    expect(fired).toEqual(["a@9", "set off"]);
  });

  test("timers due during a stall fire late and in order, and time does not go back", async () => {
    const { clock, fired, set } = bench();
    for (const ms of [30, 10, 20]) set(`${ms}`, ms);
    clock.stall(25);
    expect([fired, clock.now(), clock.wallTime()]).toEqual([[], 25, Date.UTC(2026, 0, 1) + 25]);
    await clock.advance(5);
    expect(fired).toEqual(["10@25", "20@25", "30@30"]);
    expect(clock.wallTime()).toBe(Date.UTC(2026, 0, 1) + 30);
  });

  test("the wall time advances with the time and can jump alone", async () => {
    const clock = virtualClock(1_000);
    clock.setTimer(3, () => clock.jumpWallTime(-500));
    await clock.advance(10);
    expect([clock.now(), clock.wallTime()]).toEqual([10, 510]);
    clock.setTimer(5, () => {});
    await clock.runAll();
    expect([clock.now(), clock.wallTime()]).toEqual([15, 515]);
  });

  test("starts on 2026-01-01 by default", () => {
    expect(new Date(virtualClock().wallTime()).toISOString()).toBe("2026-01-01T00:00:00.000Z");
  });

  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), value: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("clear" as const), value: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("advance" as const), value: fc.nat(15) }) },
  );

  test("property: fires the timers of a sorted list at the same moments", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { clock, fired, set } = bench();
        const timers: object[] = [];
        let model: { readonly name: string; readonly at: number }[] = [];
        let now = 0;
        const expected: string[] = [];
        for (const { kind, value } of steps) {
          if (kind === "set") {
            const name = `${timers.length}`;
            timers.push(set(name, value));
            model.push({ name, at: now + value });
          } else if (kind === "clear" && timers.length > 0) {
            const index = value % timers.length;
            clock.clearTimer(timers[index] as object);
            model = model.filter(({ name }) => name !== `${index}`);
          } else if (kind === "advance") {
            await clock.advance(value);
            now += value;
            // `toSorted` is stable, and equals are in the order in which they were set.
            const due = model.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at);
            expected.push(...due.map(({ name, at }) => `${name}@${at}`));
            model = model.filter(({ at }) => at > now);
          }
          expect(clock.pending).toBe(model.length);
        }
        expect(fired).toEqual(expected);
        expect(clock.now()).toBe(now);
      }),
    );
  });
});
