import { describe, expect, test } from "vitest";
import { effect, effectText } from "../../src/simulation/scenario/effect.ts";
import { configuration, problemsOf } from "./simulated.ts";

const valid = `load:
  - { route: api, rate: 200/s, for: 10s }
origins:
  shop: { latency: { p50: 4ms, p99: 60ms }, capacity: 300 }
events:
  - { at: 2s, origin: "shop[1]", for: 1s, does: hang }
expect: { success: "> 99.9%", p99: "< 250ms", amplification: "< 1.25" }
`;

test("a valid scenario has no problems", () => {
  expect(problemsOf(valid)).toEqual([]);
});

test.each([
  ["route: api", "route: apo", "2:14: load[0].route: unknown route apo; did you mean api?"],
  [
    "200/s",
    "fast",
    '2:25: load[0].rate: must be a rate: a number and one of /h, /m, /s, such as 100/s or 10/m (got "fast")',
  ],
  ["rate:", "rat:", "2:19: load[0].rat: unknown field; did you mean rate?"],
  ["  shop: {", "  shpo: {", "4:9: origins.shpo: unknown cluster shpo; did you mean shop?"],
  ["p99: 60ms", "p99: 1ms", '4:37: origins.shop.latency.p99: must not be shorter than p50 (got "1ms")'],
  ["shop[1]", "shop[3]", "6:23: events[0].origin: must be an endpoint from 0 to 2 (got 3)"],
  ["shop[1]", "cart", "6:23: events[0].origin: unknown cluster cart; there are shop"],
  [
    "> 99.9%",
    "99.9%",
    '7:20: expect.success: must be a bound with <, <=, > or >= and a share, such as > 99.9% (got "99.9%")',
  ],
  [
    "< 1.25",
    "< 1.25s",
    '7:62: expect.amplification: must be a bound with <, <=, > or >= and a number, such as < 1.25 (got "< 1.25s")',
  ],
  [
    "capacity: 300",
    "endpoints: 3",
    "4:56: origins.shop.endpoints: must be absent: the cluster lists its 3 endpoints",
  ],
])("%s instead of %s is a problem with its place", (right, wrong, problem) => {
  expect(problemsOf(valid.replace(right, wrong))).toContain(`scenario.yaml:${problem}`);
});

test("what an origin does must be one of the effects", () => {
  const [problem, ...others] = problemsOf(valid.replace("does: hang", "does: sleep"));
  expect(problem).toMatch(
    /^scenario\.yaml:6:49: events\[0\]\.does: must be die, refuse, hang, .* \(got "sleep"\)$/,
  );
  expect(others).toEqual([]);
  expect(problemsOf(valid.replace("does: hang", "does: errors 101%"))).toHaveLength(1);
});

test("a range of endpoints begins with the lower number", () => {
  expect(problemsOf(valid.replace("shop[1]", "shop[1-2]"))).toEqual([]);
  expect(problemsOf(valid.replace("shop[1]", "shop[2-1]"))).toHaveLength(1);
});

describe("an effect", () => {
  test.each([
    ["die", { kind: "die" }],
    ["slow x5", { kind: "slow", times: 5 }],
    ["slow ×1.5", { kind: "slow", times: 1.5 }],
    ["errors 30%", { kind: "errors", ratio: 0.3 }],
    ["flap", { kind: "flap", ms: 1_000 }],
    ["flap 250ms", { kind: "flap", ms: 250 }],
  ])("%s is read, written and read again", (text, value) => {
    const read = effect.parse(text);
    expect(read).toEqual(value);
    expect(effect.parse(effectText(read))).toEqual(value);
  });
});

describe("the clusters of a route", () => {
  test("must be described, also those that its policies call", () => {
    const config = configuration({
      route: { policies: { mirror: { cluster: "shadow" } } },
      clusters: { shadow: { endpoints: ["http://10.0.1.1:80"] } },
    });
    expect(problemsOf(valid, config)).toEqual([
      "scenario.yaml:4:3: origins: must have shadow, which requests of route api may call",
    ]);
  });

  test("must say how many endpoints they discover", () => {
    const config = configuration({ cluster: { endpoints: undefined, dns: { host: "shop", port: 80 } } });
    expect(problemsOf(valid.replace("shop[1]", "shop"), config)).toEqual([
      "scenario.yaml:4:9: origins.shop: must have endpoints: how many the cluster discovers",
    ]);
    const counted = valid.replace("capacity: 300", "endpoints: 2");
    expect(problemsOf(counted, config)).toEqual([]);
    expect(problemsOf(counted.replace("shop[1]", "shop[2]"), config)).toHaveLength(1);
  });
});

describe("the requests of a route", () => {
  const takes = (match: object, load: string = "") =>
    problemsOf(valid.replace("for: 10s", `for: 10s${load}`), configuration({ route: { match } }));

  test.each([
    { hosts: ["*.shop.example"] },
    { path: "/api" },
    { path: { exact: "/api" } },
    { path: { pattern: "/users/:user/orders/:order" } },
    { methods: ["POST"] },
    {
      headers: [
        { name: "x-tenant", exact: "a" },
        { name: "x-trace", present: true },
      ],
    },
    { query: [{ name: "v", contains: "2 &" }] },
    [{ path: "/one" }, { path: "/two" }],
  ])("are derived from its match: %j", (match) => {
    expect(takes(match)).toEqual([]);
  });

  test("are given where they cannot be derived", () => {
    const match = { path: { regex: "/img/([0-9]+)" } };
    expect(takes(match)).toEqual([
      "scenario.yaml:2:14: load[0].route: a request for GET http://simulated.example/ takes no route; set method, path, host or headers so that it takes api",
    ]);
    expect(takes(match, ", path: /img/7")).toEqual([]);
  });

  test("name their listener if several have the route", () => {
    const config = configuration() as { listeners: object[] };
    config.listeners.push({ ...config.listeners[0], name: "other", address: "127.0.0.1:3001" });
    expect(problemsOf(valid, config)).toEqual([
      "scenario.yaml:2:14: load[0].route: several listeners have a route api; set listener to one of main, other",
    ]);
    expect(problemsOf(valid.replace("for: 10s", "for: 10s, listener: other"), config)).toEqual([]);
  });
});
