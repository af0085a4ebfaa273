import { expect, test } from "vitest";
import type { Parts } from "../../page/src/parts.ts";
import { problemsOf } from "../../page/src/problems.ts";
import type { LiveProxy, LiveTrouble } from "../../src/live/snapshot.ts";

const now = Date.UTC(2026, 10, 30, 12);

const proxy: LiveProxy = {
  version: "1.0.0",
  pid: 1,
  startedAt: now - 1_000,
  phase: "serving",
  notReady: null,
  unhealthy: null,
  logLevel: "info",
  logLevels: [],
  warnings: [],
  keptRequests: 100,
  actions: { enabled: false },
};

const ejected: LiveTrouble = {
  cause: "ejected",
  reason: "ejected: 5 failures in a row",
  workers: [0, 1],
  blocks: true,
  until: now + 12_000,
};

/** One line for each problem. */
function lines(parts: Parts): readonly string[] {
  return problemsOf({ proxy, ...parts }, now).map(
    ({ level, subject, text }) => `${level}: ${subject}: ${text}`,
  );
}

test("a proxy that serves has no problems", () => {
  expect(lines({})).toEqual([]);
});

test("an ejected endpoint is named with its reason, its workers, and its end", () => {
  const endpoint = {
    endpoint: "http://10.0.0.7:80",
    healthy: false,
    inFlight: 0,
    consecutiveFailures: 5,
    latencyMs: null,
    recent: { succeeded: 0, failed: 0, timedOut: 0 },
    failure: null,
    troubles: [ejected],
  };
  const cluster = {
    cluster: "shop",
    endpoints: 2,
    healthy: 1,
    panicking: [],
    reason: null,
    shown: [endpoint],
    left: 1,
  };
  expect(lines({ clusters: [cluster] })).toEqual([
    "wrong: shop: http://10.0.0.7:80: ejected: 5 failures in a row, workers 0 and 1, ends in 12 s",
  ]);
  const [problem] = problemsOf({ proxy, clusters: [cluster] }, now);
  expect(problem?.requests).toBe("cluster=shop&endpoint=http%3A%2F%2F10.0.0.7%3A80");
});

test("what keeps calls away comes instead of what has led to it", () => {
  const failing: LiveTrouble = {
    ...ejected,
    cause: "failing",
    reason: "the last 5 calls failed",
    blocks: false,
    until: null,
  };
  const endpoint = {
    endpoint: "http://10.0.0.7:80",
    healthy: false,
    inFlight: 0,
    consecutiveFailures: 5,
    latencyMs: null,
    recent: { succeeded: 0, failed: 0, timedOut: 0 },
    failure: null,
    troubles: [failing, ejected],
  };
  const cluster = { cluster: "shop", endpoints: 2, healthy: 1, panicking: [], reason: null, left: 1 };
  expect(lines({ clusters: [{ ...cluster, shown: [endpoint] }] })).toEqual([
    "wrong: shop: http://10.0.0.7:80: ejected: 5 failures in a row, workers 0 and 1, ends in 12 s",
  ]);
  expect(lines({ clusters: [{ ...cluster, shown: [{ ...endpoint, troubles: [failing] }] }] })).toEqual([
    "wrong: shop: http://10.0.0.7:80: the last 5 calls failed, workers 0 and 1",
  ]);
});

test("what an operator wanted is a note", () => {
  const endpoint = {
    endpoint: "http://10.0.0.7:80",
    healthy: false,
    inFlight: 0,
    consecutiveFailures: 0,
    latencyMs: null,
    recent: { succeeded: 0, failed: 0, timedOut: 0 },
    failure: null,
    troubles: [{ ...ejected, cause: "ejected by an operator", reason: "ejected by an operator" }],
  };
  const cluster = { cluster: "shop", endpoints: 2, healthy: 1, panicking: [], reason: null, left: 1 };
  expect(lines({ clusters: [{ ...cluster, shown: [endpoint] }] })).toEqual([
    "note: shop: http://10.0.0.7:80: ejected by an operator, workers 0 and 1, ends in 12 s",
  ]);
});

test("a cluster says what is wrong with all of it, or that it has no healthy endpoint", () => {
  const none = { cluster: "shop", endpoints: 0, healthy: 0, panicking: [], reason: null, shown: [], left: 0 };
  expect(lines({ clusters: [none] })).toEqual(["wrong: shop: has no endpoints"]);
  expect(lines({ clusters: [{ ...none, endpoints: 2 }] })).toEqual(["wrong: shop: has no healthy endpoint"]);
  expect(lines({ clusters: [{ ...none, reason: "dns: ENOTFOUND for shop.example" }] })).toEqual([
    "wrong: shop: dns: ENOTFOUND for shop.example",
  ]);
});

test("failed and refused requests have their rate, their share, and the query of the requests", () => {
  const rates = { perSecond: 100, failedPerSecond: 4, refusedPerSecond: 34, p50Ms: 1, p99Ms: 2, p999Ms: 3 };
  const route = {
    ...rates,
    listener: "web",
    route: "api",
    failed: "/requests?route=api&reason=failed",
    refused: "/requests?route=api&reason=refused",
  };
  const figures = {
    at: now,
    everyMs: 1_000,
    sampleMs: 1,
    seconds: 10,
    slowestMs: 10_000,
    total: rates,
    listeners: [],
    routes: [route],
    clusters: [],
    endpoints: [],
    endpointsLeft: 0,
    errors: [],
  };
  expect(lines({ figures })).toEqual([
    "wrong: web / api: fails 4/s, 4% of its requests",
    "wrong: web / api: refuses 34/s, 34% of its requests",
  ]);
  expect(problemsOf({ proxy, figures }, now).map(({ requests }) => requests)).toEqual([
    "route=api&reason=failed",
    "route=api&reason=refused",
  ]);
});

test("only the last reload counts, and only if it was rejected", () => {
  const applied = {
    at: now - 60_000,
    trigger: "SIGHUP",
    result: "applied" as const,
    problems: [],
    changes: [],
    changesLeft: 0,
    files: [],
    secrets: false,
  };
  const rejected = { ...applied, result: "rejected" as const, problems: ["clusters must be a map", "x"] };
  expect(lines({ reloads: [applied, rejected] })).toEqual([]);
  expect(lines({ reloads: [rejected, applied] })).toEqual([
    "wrong: configuration: rejected 1 min ago (SIGHUP); the previous configuration stays: clusters must be a map (and 1 problem more)",
  ]);
});

test("what is wrong comes before what should be known", () => {
  const certificate = { file: "web.pem", names: [], from: 0, subject: "CN=shop.example" };
  expect(
    lines({
      proxy: { ...proxy, phase: "draining", notReady: "draining", warnings: ["route old is never reached"] },
      certificates: [
        { ...certificate, to: now + 3 * 86_400_000, state: "ends soon" },
        { ...certificate, to: now - 60_000, state: "ended" },
      ],
      workers: [
        {
          worker: 1,
          pid: 7,
          since: 0,
          state: "silent",
          silentMs: 6_000,
          cpu: null,
          memoryBytes: null,
          answerMs: null,
          inFlight: null,
        },
      ],
    }),
  ).toEqual([
    "wrong: worker 1: has not answered for 6 s (pid 7)",
    "wrong: CN=shop.example: certificate expired 1 min ago (web.pem)",
    "note: pagoda: draining: no new connections; exits once the requests in flight have ended",
    "note: CN=shop.example: certificate expires in 3 days (web.pem)",
    "note: configuration: route old is never reached",
  ]);
});

test("the key of a problem does not change with its numbers", () => {
  const keys = (at: number): readonly string[] =>
    problemsOf(
      {
        proxy,
        layers: {
          layers: [
            {
              layer: "circuit-breaker",
              listener: "web",
              route: "api",
              cluster: null,
              state: {},
              used: null,
              trouble: { ...ejected, until: at },
            },
          ],
          left: 0,
        },
      },
      now,
    ).map(({ key }) => key);
  expect(keys(now + 5_000)).toEqual(keys(now + 4_000));
});
