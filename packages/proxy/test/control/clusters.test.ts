import { expect, test } from "vitest";
import { mergeClusters } from "../../src/control/clusters.ts";
import type { ClusterStatus, EndpointStatus } from "../../src/data-plane/types.ts";

function endpoint(name: string, succeeded: number, settings: Partial<EndpointStatus> = {}): EndpointStatus {
  const calls = { succeeded, failed: 0, timedOut: 0, consecutiveFailures: 0 };
  return { endpoint: name, healthy: true, inFlight: 0, calls, state: { ready: true }, ...settings };
}

function cluster(name: string, ...endpoints: readonly EndpointStatus[]): ClusterStatus {
  return { cluster: name, strategy: "round-robin", endpoints, state: {} };
}

test("endpoints of all workers are added up by cluster and endpoint", () => {
  const merged = mergeClusters([
    [cluster("shop", endpoint("a", 1), endpoint("b", 2)), cluster("cart", endpoint("a", 10))],
    [
      cluster("shop", endpoint("b", 3, { healthy: false, reason: "ejected" }), endpoint("c", 4)),
      cluster("cart"),
    ],
  ]);
  expect(merged.map(({ cluster: name }) => name)).toEqual(["shop", "cart"]);
  const seen = merged.flatMap(({ endpoints }) => endpoints);
  expect(seen.map((each) => [each.endpoint, each.calls.succeeded, each.healthy, each.reason])).toEqual([
    ["a", 1, true, undefined],
    ["b", 5, false, "ejected"],
    ["c", 4, true, undefined],
    ["a", 10, true, undefined],
  ]);
});

test("an endpoint is back when it is in all workers, and passes checks if it does in all", () => {
  const out = (forMs: number, checks: "passing" | "failing") => endpoint("a", 0, { forMs, checks });
  const of = (...each: readonly EndpointStatus[]) =>
    mergeClusters(each.map((one) => [cluster("shop", one)]))[0]?.endpoints[0];
  expect(of(out(10, "passing"), out(30, "failing"))).toMatchObject({ forMs: 30, checks: "failing" });
  expect(of(out(10, "passing"), endpoint("a", 0, { checks: "passing" }))).toMatchObject({
    forMs: 10,
    checks: "passing",
  });
  expect(of(endpoint("a", 0))).not.toHaveProperty("checks");
});

test("each endpoint is read a few times, however many there are (defect: as often as there are endpoints)", () => {
  let reads = 0;
  const endpoints = Array.from({ length: 1_000 }, (_, at) => {
    const name = `http://10.0.0.1:${at + 1}`;
    return Object.defineProperty(endpoint(name, 0), "endpoint", { get: () => (reads++, name) });
  });
  expect(mergeClusters([[cluster("shop", ...endpoints)]])[0]?.endpoints).toHaveLength(1_000);
  expect(reads).toBeLessThan(5_000);
});
