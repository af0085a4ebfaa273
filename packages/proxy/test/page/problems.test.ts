import { describe, expect, test } from "vitest";
import type { Parts } from "../../page/src/parts.ts";
import { problemsOf } from "../../page/src/problems.ts";
import { Remembered } from "../../page/src/remembered.ts";
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
    "wrong: web / api: refuses 34/s, 34% of its requests",
    "wrong: web / api: fails 4/s, 4% of its requests",
  ]);
  expect(problemsOf({ proxy, figures }, now).map(({ requests }) => requests)).toEqual([
    "route=api&reason=refused",
    "route=api&reason=failed",
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

const seen = { healthy: true, inFlight: 0, consecutiveFailures: 0, latencyMs: null, troubles: [] };
const calm = { perSecond: 30, failedPerSecond: 0, refusedPerSecond: 0, p50Ms: 8, p99Ms: 9, p999Ms: 10 };
const quietFigures = {
  at: now,
  everyMs: 1_000,
  sampleMs: 1,
  seconds: 10,
  slowestMs: 10_000,
  total: calm,
  listeners: [],
  routes: [],
  clusters: [{ ...calm, cluster: "shop" }],
  endpoints: [],
  endpointsLeft: 0,
  errors: [],
};
const flapping = {
  ...seen,
  endpoint: "http://b",
  recent: { succeeded: 475, failed: 702, timedOut: 0 },
  failure: { at: now - 2_000, text: "status 503" },
};
const two = { cluster: "shop", endpoints: 2, healthy: 2, panicking: [], reason: null, left: 0 };
const good = {
  ...seen,
  endpoint: "http://a",
  recent: { succeeded: 9, failed: 0, timedOut: 0 },
  failure: null,
};

test("an endpoint that fails now and then is a warning while retries succeed, with its counts and cause", () => {
  const clusters = [{ ...two, shown: [flapping, good] }];
  const text =
    "shop: http://b: fails now and then: of the tries of the last 5 minutes 475 succeeded, 702 failed; status 503";
  expect(lines({ clusters, figures: quietFigures })).toEqual([`warning: ${text}`]);
  const figures = { ...quietFigures, clusters: [{ ...calm, cluster: "shop", failedPerSecond: 1 }] };
  expect(lines({ clusters, figures })).toEqual([`wrong: ${text}`]);
});

test("an endpoint that failed a minute ago, or seldom, is left out", () => {
  const past = { ...flapping, failure: { at: now - 60_000, text: "" } };
  const seldom = { ...flapping, recent: { succeeded: 10_000, failed: 6, timedOut: 0 } };
  expect(lines({ clusters: [{ ...two, shown: [past, seldom] }] })).toEqual([]);
});

test("an endpoint that is far slower than its peers is named with both medians", () => {
  const endpoints = [8, 965, 7].map((p50Ms, n) =>
    Object.assign({ ...calm, p50Ms }, { cluster: "shop", endpoint: `http://${n}` }),
  );
  const shown = [
    { ...good, endpoint: "http://1" },
    { ...good, endpoint: "http://0" },
  ];
  expect(lines({ clusters: [{ ...two, shown }], figures: { ...quietFigures, endpoints } })).toEqual([
    "warning: shop: http://1: slow: p50 965 ms, the others 8 ms",
  ]);
});

describe("a route names", () => {
  const route = { ...calm, listener: "web", route: "api" };
  const limit = { policy: "rateLimit", settings: { global: { rate: "5/s" } } };
  const stack = {
    clusters: [],
    listeners: [
      {
        listener: "web",
        url: null,
        protocols: [],
        policies: [],
        routes: [
          {
            route: "api",
            match: [],
            clusters: [{ cluster: "shop", share: 1 }],
            answer: null,
            policies: [limit],
          },
        ],
      },
    ],
  };
  const error = { listener: "web", route: "api", cluster: "shop", perSecond: 3 };

  test("the errors of its requests and the only endpoint that fails", () => {
    const figures = {
      ...quietFigures,
      routes: [{ ...route, failedPerSecond: 3 }],
      errors: [{ ...error, error: "TimedOut" }],
    };
    expect(lines({ stack, figures, clusters: [{ ...two, shown: [flapping, good] }] })).toContain(
      "wrong: web / api: fails 3/s, 10% of its requests: TimedOut 3/s; of its endpoints only http://b fails",
    );
  });

  test("the limit of the proxy that refuses, or the origin", () => {
    const routes = [{ ...route, refusedPerSecond: 3 }];
    const limited = { ...quietFigures, routes, errors: [{ ...error, error: "RateLimited" }] };
    expect(lines({ stack, figures: limited })).toEqual([
      "wrong: web / api: refuses 3/s, 10% of its requests: `rateLimit` of the route (global: { rate: 5/s })",
    ]);
    const endpoints = [{ ...calm, cluster: "shop", endpoint: "http://b", refusedPerSecond: 3 }];
    expect(lines({ stack, figures: { ...quietFigures, routes, endpoints } })).toEqual([
      "wrong: web / api: refuses 3/s, 10% of its requests: by the origin http://b",
    ]);
  });
});

test("what comes and goes is shown for a minute after it was last true", () => {
  const remembered = new Remembered();
  const problem = {
    key: "failed web / api",
    level: "wrong" as const,
    subject: "web / api",
    text: "fails 4/s",
    section: "routes",
    comesAndGoes: true,
  };
  const other = { ...problem, key: "reload", comesAndGoes: false };
  expect(remembered.with([problem, other], now)).toEqual([problem, other]);
  expect(remembered.with([], now + 5_000).map(({ text }) => text)).toEqual(["fails 4/s (until 5 s ago)"]);
  expect(remembered.with([problem], now + 6_000)).toEqual([problem]);
  expect(remembered.with([], now + 66_000)).toEqual([]);
});
