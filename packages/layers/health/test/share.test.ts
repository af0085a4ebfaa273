import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutlierObserver } from "@pagoda/health";
import { type Call, detecting, letters } from "./detecting.ts";

const five: readonly Call[] = Array.from({ length: 5 }, () => "failure");

describe("maxEjectedRatio", () => {
  test("is a tenth; outliers above it are not ejected and reported once", () => {
    const keys = letters(20);
    const { ended, ill, events } = detecting(keys);
    for (const key of ["a", "b", "c"]) ended(key, ...five);
    expect(ill()).toBe("a b");
    ended("c", ...five);
    expect(events.filter((each) => each.startsWith("c"))).toEqual(["c overflowed consecutive-failures"]);
  });

  test("an outlier above the limit is ejected at its next failure once there is room", async () => {
    const { clock, ended, ill } = detecting(letters(2));
    ended("a", ...five);
    ended("b", ...five);
    await clock.advance(30_000);
    expect(ill()).toBe("");
    ended("b", "failure");
    expect(ill()).toBe("b");
  });

  test.each([
    [2, 0, 1],
    [9, 0.1, 1],
    [10, 0.1, 1],
    [19, 0.1, 1],
    [20, 0.1, 2],
    // 0.3 of 10 is 3, although such products may be slightly less in binary.
    [10, 0.3, 3],
    [100, 0.29, 29],
    [4, 1, 3],
    [1, 1, 0],
    [1, 0, 0],
  ])("of %d endpoints with a share of %d, %d go", (count, maxEjectedRatio, ejected) => {
    const keys = Array.from({ length: count }, (_, n) => `n${n}`);
    const { ended, source } = detecting(keys, { maxEjectedRatio });
    for (const key of keys) ended(key, ...five);
    expect(source.describe().state).toEqual({ endpoints: count, ejected });
  });

  test("when endpoints are removed, those closest to their return come back", async () => {
    const keys = letters(20);
    const { clock, ended, go, ill, events } = detecting(keys);
    ended("a", ...five);
    await clock.advance(1_000);
    ended("b", ...five);
    events.length = 0;
    go("t");
    expect(ill()).toBe("b");
    expect(events).toEqual(["a returned", "a changed"]);
    expect(clock.pending).toBe(2);
  });

  test("the last remaining endpoint returns at once", () => {
    const { ended, go, ill } = detecting(letters(2));
    ended("a", ...five);
    go("b");
    expect(ill()).toBe("");
  });

  test("removing an ejected endpoint frees its share", () => {
    const { ended, go, ill } = detecting(letters(4));
    ended("a", ...five);
    go("a");
    ended("b", ...five);
    expect(ill()).toBe("b");
  });
});

describe("properties", () => {
  const keys = letters(12);
  const key = fc.constantFrom(...keys);
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ come: key }) },
    { weight: 1, arbitrary: fc.record({ go: key }) },
    { weight: 4, arbitrary: fc.record({ fails: key }) },
    { weight: 2, arbitrary: fc.record({ busy: key, successes: fc.integer({ min: 0, max: 10 }) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 700 }) }) },
  );
  const world = fc.record({
    maxEjectedRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    steps: fc.array(step, { maxLength: 150, size: "max" }),
  });
  const options = { ejectionMs: 300, maxEjectionMs: 1_000, intervalMs: 200, minCalls: 10, minEndpoints: 2 };

  test("the share is respected, ejections end in time, watches agree, no timer is left", async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ maxEjectedRatio, steps }) => {
        const clock = virtualClock();
        /** Ejected endpoints and the latest time of their return. */
        const until = new Map<string, number>();
        const before = new Map<string, number>();
        const observer: OutlierObserver = {
          ejected(name, { forMs, times }) {
            expect(until.has(name)).toBe(false);
            expect(times).toBeGreaterThanOrEqual(1);
            expect(times).toBeLessThanOrEqual(Math.min((before.get(name) ?? 0) + 1, 4));
            expect(forMs).toBe(Math.min(300 * times, 1_000));
            before.set(name, times);
            until.set(name, clock.now() + forMs);
          },
          returned(name) {
            expect(until.get(name)).toBeGreaterThanOrEqual(clock.now());
            until.delete(name);
          },
        };
        const detection = detecting([], { ...options, maxEjectedRatio, observer }, clock);
        const { come, go, ended, interval, ill, present, source } = detection;
        const check = (): void => {
          const all = present().length;
          const out = ill().split(" ").filter(Boolean);
          expect(out.toSorted()).toEqual([...until.keys()].toSorted());
          expect(out.length).toBeLessThanOrEqual(Math.max(1, maxEjectedRatio * all + 1e-9));
          expect(out.length).toBeLessThan(Math.max(all, 1));
          expect(source.describe().state).toEqual({ endpoints: all, ejected: out.length });
          for (const at of until.values()) expect(at).toBeGreaterThan(clock.now());
          expect(clock.pending).toBe(out.length + (all > 0 ? 1 : 0));
        };
        for (const each of steps) {
          if ("come" in each) {
            if (!present().includes(each.come)) come(each.come);
          } else if ("wait" in each) {
            await clock.advance(each.wait);
          } else if ("go" in each) {
            if (!present().includes(each.go)) continue;
            until.delete(each.go);
            before.delete(each.go);
            go(each.go);
          } else if ("fails" in each) {
            if (present().includes(each.fails)) ended(each.fails, ...five);
          } else if (present().includes(each.busy)) {
            interval(each.busy, 20, each.successes + 10);
          }
          check();
        }
        go(...present());
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
