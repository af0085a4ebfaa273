import { metrics } from "@pagoda/metrics";
import { right, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { httpRequest, httpResponse } from "@pagoda/http";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import type { ClusterStatus, MetricData } from "../../src/data-plane/types.ts";
import type { Figures, FiguresRow } from "../../src/recorder/call-record.ts";
import { figuresOf } from "../../src/control/figures.ts";
import { between, quantile } from "../../src/recorder/figures.ts";
import { figuresTable } from "../../src/recorder/figures-table.ts";

/** The metrics of a worker that has answered requests with these statuses, each after so long. */
async function counted(...calls: readonly (readonly [status: number, ms: number])[]) {
  const registry = new Registry();
  const clock = virtualClock();
  const layer = metrics({ registry, routes: true, clock }).labelled({ listener: "main" });
  for (const [status, ms] of calls) {
    const request = httpRequest("http://shop.test/");
    Object.assign(request.notes, { route: "all", cluster: "shop", upstream: "http://a" });
    const stack = layer(
      service("origin", async () => {
        await clock.advance(ms);
        return right(httpResponse(status));
      }),
    );
    await stack.call(request);
  }
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
}

const row: FiguresRow = {
  listener: "main",
  route: "all",
  cluster: "shop",
  endpoint: "http://a",
  requests: 0,
  errors: 0,
  bounds: [0.1, 0.2, 0.4],
  counts: [0, 0, 0, 0],
};
const at = (time: number, ...rows: readonly FiguresRow[]): Figures => ({ time, rows, endpoints: [] });

test("the figures of several workers are summed, histograms included", async () => {
  const one = await counted([200, 1], [500, 3]);
  const two = await counted([200, 100]);
  const { rows } = figuresOf([one, two], [], 0);
  expect(rows).toMatchObject([
    { listener: "main", route: "all", cluster: "shop", endpoint: "http://a", requests: 3, errors: 1 },
  ]);
  expect(rows[0]?.bounds).toHaveLength(13);
  expect(rows[0]?.counts).toEqual([1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3]);
});

describe("a quantile", () => {
  test.each([
    [[0, 0, 0, 0], 0.5, undefined],
    [[10, 10, 10, 10], 0.5, 50],
    [[0, 10, 10, 10], 0.5, 150],
    [[50, 90, 100, 100], 0.99, 380],
    [[0, 0, 0, 10], 0.5, 400],
  ])("of %j at %f is %f ms", (counts, share, ms) => {
    const found = quantile({ bounds: row.bounds, counts }, share);
    expect(found === undefined ? undefined : Math.round(found)).toBe(ms);
  });
});

test("what was counted before is subtracted, unless a row starts afresh", () => {
  const before = at(0, { ...row, requests: 5, errors: 1, counts: [5, 5, 5, 5] });
  const after = { ...row, requests: 8, errors: 1, counts: [5, 6, 8, 8] };
  expect(between(before, at(1, after))).toEqual([{ ...row, requests: 3, errors: 0, counts: [0, 1, 3, 3] }]);
  const fresh = { ...row, requests: 2, counts: [2, 2, 2, 2] };
  expect(between(before, at(1, fresh))).toEqual([fresh]);
});

test("the table has a line for each route and endpoint with requests", () => {
  const a = { ...row, requests: 150, errors: 15, counts: [150, 150, 150, 150] };
  const b = { ...row, endpoint: "http://b", requests: 50, counts: [0, 0, 0, 50] };
  const idle = { ...row, route: "idle" };
  expect(figuresTable(at(0), at(1_000, a, b, idle))).toBe(
    [
      "listener, route, endpoint  req/s  errors       p50       p99     p99.9",
      "main all                     200    7.5%     67 ms  > 400 ms  > 400 ms",
      "  http://a                   150   10.0%     50 ms     99 ms    100 ms",
      "  http://b                    50    0.0%  > 400 ms  > 400 ms  > 400 ms",
    ].join("\n"),
  );
  expect(figuresTable(at(0), at(1_000, idle))).toBe("no requests in 1.0 s");
});

test("tries that a time limit gave up have failed, too; endpoints without any are left out", () => {
  const calls = (endpoint: string, failed: number, timedOut: number) => ({
    endpoint,
    calls: { succeeded: 9, failed, timedOut, consecutiveFailures: 0 },
  });
  const endpoints = [calls("http://a", 1, 2), calls("http://b", 0, 3), calls("http://c", 0, 0)];
  const shop = { cluster: "shop", endpoints } as unknown as ClusterStatus;
  expect(figuresOf([], [shop], 0).endpoints).toEqual([
    { cluster: "shop", endpoint: "http://a", failed: 3 },
    { cluster: "shop", endpoint: "http://b", failed: 3 },
  ]);
});

test("endpoints whose tries fail are listed below the requests, the worst first", () => {
  const tries = (time: number, failed: readonly (readonly [string, number])[]): Figures => ({
    ...at(time),
    endpoints: failed.map(([endpoint, count]) => ({ cluster: "shop", endpoint, failed: count })),
  });
  const before = tries(0, [
    ["http://a", 5],
    ["http://b", 3],
    ["http://restarted", 50],
  ]);
  const after = tries(2_000, [
    ["http://a", 9],
    ["http://b", 3],
    ["http://restarted", 1],
    ["http://new", 30],
  ]);
  expect(figuresTable(before, after)).toBe(
    `no requests in 2.0 s

cluster, endpoint      failed tries/s
shop http://new                    15
shop http://a                     2.0
shop http://restarted             0.5`,
  );
});
