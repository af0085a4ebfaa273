import { expect, test } from "vitest";
import { cut, type Filter, holds, needsFilters, routeRows, showsCluster } from "../../page/src/filter.ts";
import type { LiveCluster, LiveFigures, LiveListener, LiveRates } from "../../src/live/snapshot.ts";

const all: Filter = { q: "", failing: false, listener: "", cluster: "" };
const calm: LiveRates = {
  perSecond: 5,
  failedPerSecond: 0,
  refusedPerSecond: 0,
  p50Ms: 1,
  p99Ms: 1,
  p999Ms: 1,
};

const listener: LiveListener = {
  listener: "web",
  url: null,
  protocols: ["http/1.1"],
  policies: [],
  routes: [
    {
      route: "api",
      match: ["prefix /api"],
      clusters: [{ cluster: "shop", share: 1 }],
      answer: null,
      policies: [],
    },
    { route: "old", match: ["prefix /old"], clusters: [], answer: "redirect 308", policies: [] },
  ],
};

const figures: LiveFigures = {
  at: 0,
  everyMs: 1_000,
  sampleMs: 0,
  seconds: 10,
  slowestMs: 10_000,
  total: calm,
  listeners: [],
  routes: [
    { ...calm, listener: "web", route: "api", failedPerSecond: 1 },
    { ...calm, listener: "web", route: "none", refusedPerSecond: 2 },
  ],
  clusters: [],
  endpoints: [],
  endpointsLeft: 0,
  errors: [],
};

const names = (filter: Partial<Filter>): readonly string[] =>
  routeRows(listener, figures, { ...all, ...filter }).map(({ route }) => route);

test("requests that no route took have a row of their own", () => {
  expect(names({})).toEqual(["api", "old", "none"]);
});

test("routes are filtered by text, trouble, listener and cluster", () => {
  expect(names({ q: "/OLD" })).toEqual(["old"]);
  expect(names({ failing: true })).toEqual(["api", "none"]);
  expect(names({ listener: "other" })).toEqual([]);
  expect(names({ cluster: "shop" })).toEqual(["api"]);
});

test("a cluster is shown for its name, its endpoints, or the listener that leads to it", () => {
  const endpoint = {
    endpoint: "http://10.0.0.7:80",
    healthy: true,
    inFlight: 0,
    consecutiveFailures: 0,
    latencyMs: null,
    recent: { succeeded: 0, failed: 0, timedOut: 0 },
    failure: null,
    troubles: [],
  };
  const shop: LiveCluster = {
    cluster: "shop",
    endpoints: 1,
    healthy: 1,
    panicking: [],
    reason: null,
    shown: [endpoint],
    left: 0,
  };
  const stack = { listeners: [listener], clusters: [] };
  const shows = (filter: Partial<Filter>, cluster = shop): boolean =>
    showsCluster(cluster, figures, { ...all, ...filter }, stack);
  expect(shows({ q: "10.0.0.7" })).toBe(true);
  expect(shows({ q: "10.0.0.8" })).toBe(false);
  expect(shows({ listener: "web" })).toBe(true);
  expect(shows({ listener: "web" }, { ...shop, cluster: "files" })).toBe(false);
  expect(shows({ failing: true })).toBe(false);
  expect(shows({ failing: true }, { ...shop, healthy: 0 })).toBe(true);
});

test("long lists are cut, and how many are left is known", () => {
  expect(cut([1, 2, 3], 2)).toEqual({ shown: [1, 2], left: 1 });
  expect(holds(" ", ["a"])).toBe(true);
});

test("filters are offered where there is something to choose from, or one is set", () => {
  const small = { listeners: [listener], clusters: [] };
  expect(needsFilters(undefined, undefined, all)).toBe(false);
  expect(needsFilters(small, [], all)).toBe(false);
  expect(needsFilters(small, [], { ...all, failing: true })).toBe(true);
  expect(needsFilters({ ...small, listeners: [listener, listener] }, [], all)).toBe(true);
  const routes = Array.from({ length: 13 }, () => listener.routes).flat();
  expect(needsFilters({ ...small, listeners: [{ ...listener, routes }] }, [], all)).toBe(true);
});
