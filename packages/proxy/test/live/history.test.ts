import { expect, test } from "vitest";
import { History } from "../../src/live/history.ts";

const bounds = [0.001, 0.1, 1];

/** A second's calls: failed, refused, and those in each bucket. */
function calls(route: string, cluster: string, ...counts: readonly number[]) {
  return { key: ["web", route, cluster, ""], counts };
}

test("a step has the calls of each route and each cluster", () => {
  const history = new History();
  const rows = [calls("api", "shop", 1, 0, 9, 1, 0, 0), calls("all", "shop", 0, 0, 10, 0, 0, 0)];
  expect(history.add(1_000, 10, rows, bounds).series).toEqual([
    { listener: null, route: null, cluster: "shop", perSecond: 2, failedPerSecond: 0.1, p99Ms: 80.2 },
    { listener: "web", route: "api", cluster: null, perSecond: 1, failedPerSecond: 0.1, p99Ms: 90.1 },
    { listener: "web", route: "all", cluster: null, perSecond: 1, failedPerSecond: 0, p99Ms: 0.99 },
  ]);
  expect(history.all).toMatchObject({ end: 1_000, stepMs: 10_000, steps: 90, left: 0 });
});

test("a series begins with the history, has zeros without calls, and ends after 15 minutes", () => {
  const history = new History();
  history.add(0, 10, [], bounds);
  history.add(1, 10, [calls("api", "none", 0, 5, 0, 10, 0, 0)], bounds);
  history.add(2, 10, [], bounds);
  expect(history.all.series).toEqual([
    {
      listener: "web",
      route: "api",
      cluster: null,
      perSecond: [0, 1, 0],
      failedPerSecond: [0, 0, 0],
      p99Ms: [null, expect.closeTo(99.01), null],
    },
  ]);
  for (let step = 3; step < 91; step++) history.add(step, 10, [], bounds);
  // 90 steps, the first of which is the one with calls.
  expect(history.all.series[0]?.perSecond).toHaveLength(90);
  expect(history.all.series[0]?.perSecond[0]).toBe(1);
  history.add(91, 10, [], bounds);
  expect(history.all.series).toEqual([]);
});

test("of many series the busiest are shown", () => {
  const history = new History();
  const rows = Array.from({ length: 250 }, (_, n) => calls(`r${n}`, "none", 0, 0, n + 1, 0, 0, 0));
  expect(history.add(0, 10, rows, bounds).series).toHaveLength(200);
  expect(history.all.left).toBe(50);
  expect(history.all.series[0]?.route).toBe("r249");
});
