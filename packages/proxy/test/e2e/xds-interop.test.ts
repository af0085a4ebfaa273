// The cases of gRPC's xDS interop suite that concern clusters and endpoints, under the names that they have there
// (doc/xds-test-descriptions.md in grpc/grpc). The others are listed below with the reason.
import { AssigningControlPlane, assignment } from "@pagoda/xds/testing";
import { afterAll, describe, expect, test } from "vitest";
import { configured, Folder, through } from "./configured.ts";
import { named, type Origin } from "./origin.ts";
import type { Pagoda } from "./program.ts";
import { SteadyCalls } from "./steady-calls.ts";

const notHere = {
  api_listener: "listeners have addresses",
  app_net: "belongs to Google Cloud",
  authz: "configured here, as `authorize`",
  circuit_breaking: "configured here, as `pool`; `circuit_breakers` is reported as ignored",
  csds: "`/clusters` and `/stack` show the state",
  custom_lb: "an unknown load balancing policy is rejected by its name",
  fault_injection: "configured here, as `fault`",
  forwarding_rule_default_port: "belongs to Google Cloud",
  forwarding_rule_port_match: "belongs to Google Cloud",
  header_matching: "a case of routes",
  load_report_based_failover: "loads are not reported (LRS)",
  metadata_filter: "belongs to Google Cloud",
  outlier_detection: "configured here, as `outliers`; `outlier_detection` is reported as ignored",
  path_matching: "a case of routes",
  security: "configured here, as `tls`",
  timeout: "configured here, as `timeout`",
  traffic_splitting: "a case of routes",
} as const;

/** Priorities are not supported. */
const priorities = [
  "secondary_locality_gets_requests_on_primary_failure",
  "secondary_locality_gets_no_requests_on_partial_primary_failure",
  "gentle_failover",
] as const;

test.each(Object.entries(notHere))("%s does not apply: %s", (_name, reason) => {
  expect(reason).not.toBe("");
});

function at({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`;
}

describe("gRPC's interop suite:", () => {
  const atEnd = new AsyncDisposableStack();
  afterAll(() => atEnd.disposeAsync());
  let starting: ReturnType<typeof start> | undefined;

  async function start() {
    const [one, two] = [atEnd.use(await named("one")), atEnd.use(await named("two"))];
    const plane = atEnd.use(await new AssigningControlPlane().listen());
    plane.assign({ shop: [at(one)], other: [at(two)] });
    const folder = atEnd.use(new Folder());
    const pagoda = atEnd.use(await configured(folder, configuration(plane, "shop"), { PROXY_WORKERS: "2" }));
    return { one, two, plane, folder, pagoda };
  }

  function configuration({ url: server }: { readonly url: string }, xds: string): object {
    return { ...through({ xds }), control: { xds: { server, node: { id: "test" } } } };
  }

  /** One program for all cases; its calls never fail unless a case says so. */
  async function begun(...names: readonly ("one" | "two")[]) {
    const all = await (starting ??= start());
    all.plane.assign({ shop: names.map((name) => at(all[name])) });
    return all;
  }

  async function endpoints(pagoda: Pagoda, ...all: readonly Origin[]): Promise<void> {
    const keys = JSON.stringify(all.map(({ port }) => `http://127.0.0.1:${port}`).toSorted());
    for (;;) {
      const [status] = JSON.parse((await pagoda.admin("/clusters")).text) as [
        { readonly endpoints: readonly { readonly endpoint: string }[] },
      ];
      if (JSON.stringify(status.endpoints.map(({ endpoint }) => endpoint).toSorted()) === keys) return;
    }
  }

  test("ping_pong", async () => {
    const { pagoda, one } = await begun("one");
    await endpoints(pagoda, one);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("round_robin", async () => {
    const { pagoda, one, two } = await begun("one", "two");
    await endpoints(pagoda, one, two);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.more(200);
    const share = calls.answers.filter((name) => name === "one").length / calls.answers.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.1);
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("new_instance_group_receives_traffic", async () => {
    const { pagoda, plane, one, two } = await begun("one");
    await endpoints(pagoda, one);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    plane.assign({ shop: [at(one), at(two)] });
    await endpoints(pagoda, one, two);
    await calls.more(50);
    expect(calls.answers.slice(-40)).toContain("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test.each(["remove_neg", "remove_instance_group"])("%s", async () => {
    const { pagoda, plane, one, two } = await begun("one", "two");
    await endpoints(pagoda, one, two);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.more(20);
    plane.assign({ shop: [at(one)] });
    await calls.only("one");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("change_backend_service", async () => {
    const { pagoda, plane, folder, one } = await begun("one");
    await endpoints(pagoda, one);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    folder.write("pagoda.yaml", configuration(plane, "other"));
    await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
    await calls.only("two");
    folder.write("pagoda.yaml", configuration(plane, "shop"));
    await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
    await calls.only("one");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("backends_restart", async () => {
    const { pagoda, plane, two } = await begun("two");
    const first = await named("restarted");
    plane.assign({ shop: [at(first)] });
    await endpoints(pagoda, first);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("restarted");
    await first[Symbol.asyncDispose]();
    await calls.refusal("502");
    await using again = await named("restarted");
    plane.assign({ shop: [at(again)] });
    await calls.only("restarted");
    plane.assign({ shop: [at(two)] });
    await calls.only("two");
  });

  // Rejected by name, rather than used as if all were equal.
  test.each(priorities)("%s: rejected", async () => {
    const { pagoda, plane, one, two } = await begun("one");
    await endpoints(pagoda, one);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    const both = assignment("shop", at(one));
    const [secondary] = assignment("shop", at(two)).endpoints;
    both.endpoints.push(Object.assign(secondary ?? {}, { priority: 1 }) as NonNullable<typeof secondary>);
    plane.assign({ shop: both });
    expect(await plane.rejections.next()).toBe('eds "shop": endpoints[1].priority must be 0 (got 1)');
    await calls.more(50);
    expect(new Set(calls.answers)).toEqual(new Set(["one"]));
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });
});
