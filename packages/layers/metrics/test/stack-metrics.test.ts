import type { Clock, Description } from "@pagoda/core";
import * as fc from "fast-check";
import { Gauge, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { stackMetrics, type StackMetricsOptions } from "@pagoda/metrics";
import { exposed } from "./exposition.ts";

type State = NonNullable<Description["state"]>;

function bench(first: Description, options: Partial<StackMetricsOptions> = {}) {
  const registry = new Registry();
  let description = first;
  let asked = 0;
  const describe = (): Description => {
    asked++;
    return description;
  };
  stackMetrics({ registry, stack: () => ({ describe }), ...options });
  return {
    registry,
    asked: () => asked,
    change: (next: Description) => (description = next),
    /** Series of the stack's state: `name{labels} value`. */
    async read(): Promise<readonly string[]> {
      const lines = await exposed(registry);
      return lines
        .filter(({ name }) => !/_describe_failures_total$|_series_dropped$/.test(name))
        .map(({ name, labels, value }) => {
          const text = Object.entries(labels).map(([label, of]) => `${label}=${of}`);
          return `${name}{${text.join()}} ${value}`;
        });
    },
    async own(name: string): Promise<number | undefined> {
      return (await exposed(registry)).find((line) => line.name === name)?.value;
    },
  };
}

const leaf = (state: State): Description => ({ name: "leaf", state });
const endpoint = (key: string, ...inner: Description[]): Description => ({
  name: "endpoint",
  options: { key, weight: 1 },
  state: { pending: 0, healthy: true },
  inner,
});

describe("stackMetrics", () => {
  test("numbers, booleans and strings become gauges; lists and null do not", async () => {
    const state = { inFlight: 3, panicking: false, ready: true, phase: "open", rate: null, words: ["a"] };
    const { read } = bench({ name: "circuit-breaker", state });
    expect(await read()).toEqual([
      "stack_circuit_breaker_in_flight{} 3",
      "stack_circuit_breaker_panicking{} 0",
      "stack_circuit_breaker_ready{} 1",
      "stack_circuit_breaker_phase{state=open} 1",
    ]);
  });

  test("milliseconds become seconds and names snake case", async () => {
    const { read } = bench(
      leaf({ retryAfterMs: 250, ms: 5, rtt: { shortMs: 1_500 }, p99: 1, "outlier-count": 2 }),
    );
    expect(await read()).toEqual([
      "stack_leaf_retry_after_seconds{} 0.25",
      "stack_leaf_seconds{} 0.005",
      "stack_leaf_rtt_short_seconds{} 1.5",
      "stack_leaf_p99{} 1",
      "stack_leaf_outlier_count{} 2",
    ]);
  });

  test("each string value seen has a series; the current one is 1", async () => {
    const { change, read } = bench(leaf({ phase: "closed" }));
    change(leaf({ phase: "open" }));
    expect(await read()).toEqual(["stack_leaf_phase{state=closed} 0", "stack_leaf_phase{state=open} 1"]);
    change(leaf({ phase: "closed" }));
    expect(await read()).toEqual(["stack_leaf_phase{state=closed} 1", "stack_leaf_phase{state=open} 0"]);
  });

  test("string values beyond 16 are `other`", async () => {
    const { change, read } = bench(leaf({ reason: "r0" }));
    for (let n = 1; n < 40; n++) {
      change(leaf({ reason: `r${n}` }));
      await read();
    }
    const all = await read();
    expect(all).toHaveLength(17);
    expect(all.filter((line) => line.endsWith(" 1"))).toEqual(["stack_leaf_reason{state=other} 1"]);
  });

  test("everything inside an endpoint, route or cluster has its label", async () => {
    const { read } = bench({
      name: "per-route",
      inner: [
        {
          name: "route",
          options: { key: "cart" },
          inner: [
            { name: "retry", state: { retries: 1 } },
            {
              name: "balance",
              options: { cluster: "shop" },
              inner: [endpoint("http://a:1", leaf({ idle: 2 }))],
            },
          ],
        },
        { name: "steer", options: { route: "users" }, inner: [{ name: "retry", state: { retries: 2 } }] },
        { name: "cluster", options: { name: "cache" }, state: { used: true } },
      ],
    });
    expect(await read()).toEqual([
      "stack_retry_retries{route=cart} 1",
      "stack_retry_retries{route=users} 2",
      "stack_endpoint_pending{route=cart,cluster=shop,endpoint=http://a:1} 0",
      "stack_endpoint_healthy{route=cart,cluster=shop,endpoint=http://a:1} 1",
      "stack_leaf_idle{route=cart,cluster=shop,endpoint=http://a:1} 2",
      "stack_cluster_used{cluster=cache} 1",
    ]);
  });

  test("only layers with identical labels get a position", async () => {
    const timeout = (inner: Description, refused: number): Description => ({
      name: "timeout",
      state: { refused },
      inner: [inner],
    });
    const { read } = bench(timeout(timeout(endpoint("a", timeout(leaf({ idle: 1 }), 3)), 2), 1));
    expect(await read()).toEqual([
      "stack_timeout_refused{position=1} 1",
      "stack_timeout_refused{position=2} 2",
      "stack_timeout_refused{endpoint=a} 3",
      "stack_endpoint_pending{endpoint=a} 0",
      "stack_endpoint_healthy{endpoint=a} 1",
      "stack_leaf_idle{endpoint=a} 1",
    ]);
  });

  test("removed layers disappear, new ones appear from the next scrape on", async () => {
    const { change, read } = bench(endpoint("a", leaf({ idle: 1 })));
    change(endpoint("b", leaf({ busy: 2 })));
    await read();
    expect(await read()).toEqual([
      "stack_endpoint_pending{endpoint=b} 0",
      "stack_endpoint_healthy{endpoint=b} 1",
      "stack_leaf_busy{endpoint=b} 2",
    ]);
  });

  test("calls describe once per scrape", async () => {
    const { asked, read, registry } = bench(endpoint("a", leaf({ idle: 1, busy: 2 })));
    const before = asked();
    await read();
    expect(asked()).toBe(before + 1);
    await registry.getMetricsAsJSON();
    expect(asked()).toBe(before + 2);
  });

  test("a scrape of many endpoints takes turns with other work (defect: held it up)", async () => {
    let now = 0;
    const turns = Promise.withResolvers<void>();
    let last = 0;
    let longest = 0;
    const clock: Clock = {
      // Each node takes 1 ms.
      now: () => ++now,
      wallTime: () => 0,
      setTimer(_ms, run) {
        longest = Math.max(longest, now - last);
        last = now;
        turns.resolve();
        queueMicrotask(run);
        return {};
      },
      clearTimer() {},
    };
    const endpoints = Array.from({ length: 100 }, (_, n) => endpoint(String(n)));
    const { read } = bench({ name: "balance", inner: endpoints }, { clock });
    expect(await read()).toHaveLength(200);
    await turns.promise;
    expect(longest).toBeLessThan(20);
  });

  test("calls stack on each scrape", async () => {
    const registry = new Registry();
    let stack = { describe: () => leaf({ idle: 1 }) };
    stackMetrics({ registry, stack: () => stack });
    stack = { describe: () => leaf({ idle: 2 }) };
    expect(await registry.metrics()).toContain("stack_leaf_idle 2\n");
  });

  test("a failing description is counted and leaves other metrics intact", async () => {
    const registry = new Registry();
    new Gauge({ name: "mine", help: "mine", registers: [registry] });
    let broken = true;
    const describe = (): Description => {
      if (broken) throw new Error("a mistake");
      return leaf({ idle: 1 });
    };
    stackMetrics({ registry, stack: () => ({ describe }) });
    const text = await registry.metrics();
    expect(text).toContain("mine 0\n");
    expect(text).toContain("stack_describe_failures_total 2\n");
    broken = false;
    await registry.metrics();
    expect(await registry.metrics()).toContain("stack_leaf_idle 1\n");
  });

  test("series beyond maxSeries are dropped and counted", async () => {
    const endpoints = Array.from({ length: 10 }, (_, n) => endpoint(String(n)));
    const { read, own } = bench({ name: "balance", inner: endpoints }, { maxSeries: 5 });
    expect(await read()).toHaveLength(5);
    expect(await own("stack_series_dropped")).toBe(15);
  });

  test("bounds the number of names", async () => {
    const { read, own } = bench(
      leaf(Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [`k${n}`, n]))),
    );
    expect(await read()).toHaveLength(1_000);
    expect(await own("stack_series_dropped")).toBe(200);
  });

  test("a name taken by another metric is dropped and counted", async () => {
    const registry = new Registry();
    new Gauge({ name: "stack_leaf_idle", help: "another metric", registers: [registry] });
    stackMetrics({ registry, stack: () => ({ describe: () => leaf({ idle: 7 }) }) });
    const text = await registry.metrics();
    expect(text).toContain("stack_leaf_idle 0\n");
    expect(text).toContain("stack_series_dropped 1\n");
  });

  test("defect: duplicate series made Prometheus reject the scrape", async () => {
    const { read, own } = bench({
      name: "a",
      state: { bC: 1, rttMs: 5, rttSeconds: 6, n: { m: 1 }, nM: 2 },
      inner: [{ name: "a-b", state: { c: 2 } }],
    });
    expect(await read()).toEqual(["stack_a_b_c{} 1", "stack_a_rtt_seconds{} 0.005", "stack_a_n_m{} 1"]);
    expect(await own("stack_series_dropped")).toBe(3);
  });

  test("two stacks coexist under two prefixes", async () => {
    const { registry } = bench(leaf({ idle: 1 }));
    const stack = () => ({ describe: () => leaf({ idle: 2 }) });
    expect(() => stackMetrics({ registry, stack })).toThrow(
      "registry must be one without the metric stack_describe_failures_total",
    );
    stackMetrics({ registry, stack, prefix: "admin" });
    expect(await registry.metrics()).toContain("admin_leaf_idle 2\n");
  });

  test.each(["", "0a", "a-b", "a b"])("refuses the prefix %j", (prefix) => {
    expect(() => bench(leaf({}), { prefix })).toThrow(
      `stackMetrics: prefix must be letters, digits and _ (got "${prefix}")`,
    );
  });

  test.each([0, 1.5, NaN])("refuses %d as maxSeries", (maxSeries) => {
    expect(() => bench(leaf({}), { maxSeries })).toThrow(
      `stackMetrics: maxSeries must be an integer of at least 1 (got ${maxSeries})`,
    );
  });

  test("property: any tree is valid for Prometheus and contains all numbers", async () => {
    const value = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.string(),
      fc.constant(null),
      fc.array(fc.integer()),
    );
    const state = fc.dictionary(fc.stringMatching(/^[abAB_]{1,4}$/), value, { maxKeys: 4 });
    const names = fc.constantFrom("endpoint", "route", "timeout", "a b");
    const tree = fc.letrec<{ node: Description }>((tie) => ({
      node: fc.record(
        {
          name: names,
          options: fc.record({ key: fc.string() }),
          state,
          inner: fc.array(tie("node"), { maxLength: 3 }),
        },
        { requiredKeys: ["name"] },
      ) as fc.Arbitrary<Description>,
    })).node;
    const count = ({ state = {}, inner = [] }: Description): number =>
      Object.values(state).filter((each) => typeof each === "number").length +
      inner.reduce((sum, each) => sum + count(each), 0);
    await fc.assert(
      fc.asyncProperty(tree, async (description) => {
        const { registry } = bench(description);
        const lines = await exposed(registry);
        const dropped = lines.find(({ name }) => name === "stack_series_dropped")?.value ?? 0;
        expect(lines.length + dropped).toBeGreaterThanOrEqual(count(description) + 2);
      }),
    );
  });
});
