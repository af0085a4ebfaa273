import { expect, test } from "vitest";
import { extended, knownSteps, seriesOf, totalOf } from "../../page/src/history.ts";
import type { LiveHistory, LivePoint } from "../../src/live/snapshot.ts";

const api = { listener: "web", route: "api", cluster: null };
const files = { listener: "web", route: "files", cluster: null };
const shop = { listener: null, route: null, cluster: "shop" };

function history(series: LiveHistory["series"], end = 20_000): LiveHistory {
  return { stepMs: 10_000, steps: 3, end, series, left: 0 };
}

function point(end: number, ...series: LivePoint["series"]): LivePoint {
  return { end, series };
}

test("a step is added to every series; one that is not in it had no calls", () => {
  const before = history([
    { ...api, perSecond: [1, 2], failedPerSecond: [0, 0], p99Ms: [5, 6] },
    { ...files, perSecond: [4], failedPerSecond: [0], p99Ms: [7] },
  ]);
  const after = extended(before, point(30_000, { ...api, perSecond: 3, failedPerSecond: 1, p99Ms: 8 }));
  expect(seriesOf(after, { listener: "web", route: "api" })).toMatchObject({
    perSecond: [1, 2, 3],
    failedPerSecond: [0, 0, 1],
    p99Ms: [5, 6, 8],
  });
  expect(seriesOf(after, { listener: "web", route: "files" })).toMatchObject({
    perSecond: [4, 0],
    p99Ms: [7, null],
  });
  expect(after.end).toBe(30_000);
});

test("a series keeps as many steps as the history has", () => {
  let all = history([{ ...shop, perSecond: [1, 2, 3], failedPerSecond: [0, 0, 0], p99Ms: [1, 1, 1] }]);
  all = extended(all, point(30_000, { ...shop, perSecond: 4, failedPerSecond: 0, p99Ms: 1 }));
  expect(seriesOf(all, { cluster: "shop" })?.perSecond).toEqual([2, 3, 4]);
});

test("steps that were missed are empty, so that the others keep their time", () => {
  const before = history([{ ...shop, perSecond: [1], failedPerSecond: [0], p99Ms: [1] }]);
  const after = extended(before, point(40_000, { ...shop, perSecond: 4, failedPerSecond: 0, p99Ms: 1 }));
  expect(seriesOf(after, { cluster: "shop" })?.perSecond).toEqual([1, 0, 4]);
});

test("a new series begins with its first step", () => {
  const after = extended(history([]), point(30_000, { ...api, perSecond: 3, failedPerSecond: 0, p99Ms: 8 }));
  expect(seriesOf(after, { listener: "web", route: "api" })?.perSecond).toEqual([3]);
});

test("the total adds routes of different ages at their ends, and takes the slowest p99", () => {
  const total = totalOf(
    history([
      { ...api, perSecond: [1, 2, 3], failedPerSecond: [0, 0, 1], p99Ms: [5, null, 6] },
      { ...files, perSecond: [10], failedPerSecond: [2], p99Ms: [9] },
      { ...shop, perSecond: [99], failedPerSecond: [99], p99Ms: [99] },
    ]),
  );
  expect(total).toMatchObject({ perSecond: [1, 2, 13], failedPerSecond: [0, 0, 3], p99Ms: [5, null, 9] });
});

test("as many steps are known as the oldest series has", () => {
  const one = { ...api, perSecond: [1], failedPerSecond: [0], p99Ms: [1] };
  const older = { ...files, perSecond: [1, 2], failedPerSecond: [0, 0], p99Ms: [1, 1] };
  expect(knownSteps(history([one, older]))).toBe(2);
  expect(knownSteps(history([]))).toBe(0);
});
