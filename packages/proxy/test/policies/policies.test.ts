import { readdirSync, readFileSync } from "node:fs";
import { right, service, type Service } from "@pagoda/core";
import { grpcClassifier } from "@pagoda/grpc";
import { httpResponse } from "@pagoda/http";
import { eventMetrics } from "@pagoda/metrics";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, test, vi } from "vitest";
import type { z } from "zod";
import { layerDurations } from "../../src/policies/layer-durations.ts";
import type { AnyPolicy } from "../../src/policies/policy.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { policyLayer } from "../../src/policies/stack.ts";
import { States } from "../../src/policies/states.ts";
import { vocabulary } from "../../src/schema/vocabulary.ts";

/** Settings with which each policy has an effect, in file format. */
const examples: Readonly<Record<(typeof builtInPolicies.all)[number]["name"], unknown>> = {
  compression: {},
  authorize: { rules: [{ name: "all", effect: "allow" }] },
  rateLimit: { global: { rate: "1/s" } },
  clientConcurrency: { limit: 1 },
  jwt: { issuers: [{ issuer: "id", audiences: "any", jwks: { file: "jwks.json" } }] },
  basicAuth: { users: {} },
  extAuthz: { cluster: "authz" },
  bodyLimit: "1MiB",
  timeout: "1s",
  cache: {},
  buffer: { capacity: 1 },
  concurrencyLimit: 1,
  mirror: { cluster: "shadow" },
  retry: {},
  hedge: {},
  fault: { failure: { ratio: 0.5 } },
  failfast: "1s",
  circuitBreaker: {},
};

const jwks = JSON.stringify({ keys: [{ kty: "RSA" }] });
const leaf = service("leaf", async () => right(httpResponse(200)));

/** The layers of one policy, of successive configurations. */
function bench(policy: AnyPolicy) {
  const registry = new Registry();
  const events = eventMetrics({ registry });
  const durations = layerDurations(registry);
  const states = new States();
  const schema = policy.schema(vocabulary) as z.ZodType;
  const settings = { [policy.name]: schema.parse(examples[policy.name as keyof typeof examples]) };
  return {
    registry,
    make() {
      const atEnd: (() => void)[] = [];
      const layer = policyLayer(
        { listener: [policy] as never, sharedTags: new Map() },
        "listener",
        settings as never,
        {
          place: "here",
          labels: {},
          log: pino({ level: "silent" }),
          classifier: grpcClassifier(),
          files: new Map([["jwks.json", jwks]]),
          events,
          durations,
          states,
          atEnd: (run: () => void) => atEnd.push(run),
          sharedStore: undefined,
          cluster: () => leaf,
          endpoint: "http://a",
          connection: "",
        } as never,
      ) as unknown as (inner: Service<unknown, unknown>) => Service<unknown, unknown>;
      return {
        service: layer(leaf),
        end: () => {
          for (const run of atEnd) run();
        },
      };
    },
  };
}

const each = builtInPolicies.all.map((policy): [string, AnyPolicy] => [
  `${policy.at.join(", ")}: ${policy.name}`,
  policy,
]);

describe.each(each)("%s", (_name, policy) => {
  test("starts its event counters at zero, under the name shown by /stack", async () => {
    const { registry, make } = bench(policy);
    const { service } = make();
    if (policy.events === undefined) return;
    const { layer, names } = policy.events as { layer: string; names: readonly string[] };
    expect(JSON.stringify(service.describe())).toContain(`"name":"${layer}"`);
    const text = await registry.metrics();
    for (const event of names)
      expect(text).toContain(`stack_events_total{layer="${layer}",event="${event}"} 0`);
    expect(names.length).toBeGreaterThan(0);
  });

  test("keeps its state over reloads while it is in use", () => {
    if (policy.state === undefined) return;
    const { create: original } = policy.state;
    const create = vi.fn<typeof original>(original);
    const { make } = bench({ ...policy, state: { ...policy.state, create } });
    const former = make();
    const next = make();
    expect(create).toHaveBeenCalledTimes(1);
    former.end();
    const last = make();
    expect(create).toHaveBeenCalledTimes(1);
    next.end();
    last.end();
    make();
    expect(create).toHaveBeenCalledTimes(2);
  });
});

test("every policy file is in the list, and every policy has a file", () => {
  const folder = new URL("../../src/policies/", import.meta.url);
  const files = readdirSync(folder).filter((file) =>
    readFileSync(new URL(file, folder), "utf8").includes("= definePolicy({"),
  );
  const list = readFileSync(new URL("built-in.ts", folder), "utf8");
  const listed = Array.from(list.matchAll(/from "\.\/(.*)"/g), ([, file]) => file as string);
  expect(listed.toSorted()).toEqual(files.toSorted());
});
