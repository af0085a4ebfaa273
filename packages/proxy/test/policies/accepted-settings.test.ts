import { right, service } from "@pagoda/core";
import { grpcClassifier } from "@pagoda/grpc";
import { httpResponse } from "@pagoda/http";
import { eventMetrics } from "@pagoda/metrics";
import { leased } from "@pagoda/rate-limit";
import * as fc from "fast-check";
import { pino } from "pino";
import { Registry } from "prom-client";
import { test } from "vitest";
import { z } from "zod";
import { layerDurations } from "../../src/policies/layer-durations.ts";
import type { AnyPolicy, ListenerEnvironment } from "../../src/policies/policy.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { policyLayer } from "../../src/policies/stack.ts";
import { States } from "../../src/policies/states.ts";
import { vocabulary } from "../../src/schema/vocabulary.ts";
import { anyValue, type Schema } from "../config/any-value.ts";

const leaf = service("leaf", async () => right(httpResponse(200)));
const log = pino({ level: "silent" });

/** Neither gives tokens nor asks for any back. */
const lessor = { take: () => new Promise<never>(() => {}), giveBack() {} };

const stores: readonly ListenerEnvironment["sharedStore"][] = [
  undefined,
  () => leased(lessor, { timeoutMs: 1_000, unreachable: { share: 1 / 1_024 } }),
];

/** Builds the layer of a policy as a place of the proxy does. */
function build(policy: AnyPolicy, settings: unknown, sharedStore: ListenerEnvironment["sharedStore"]): void {
  const atEnd: (() => void)[] = [];
  const place = {
    place: "here",
    labels: {},
    log,
    classifier: grpcClassifier(),
    // Whatever their names are.
    files: { get: () => JSON.stringify({ keys: [{ kty: "RSA" }] }) },
    events: eventMetrics({ registry: new Registry() }),
    durations: layerDurations(new Registry()),
    states: new States(),
    atEnd: (run: () => void) => atEnd.push(run),
    sharedStore,
    cluster: () => leaf,
    endpoint: "http://a",
    connection: "",
  };
  const layer = policyLayer(
    { listener: [policy] as never, sharedTags: new Map() },
    "listener",
    { [policy.name]: settings },
    place as never,
  );
  (layer as unknown as (inner: unknown) => unknown)(leaf);
  for (const run of atEnd) run();
}

/** Whether `pagoda check` finds nothing wrong with the settings of a policy on the route `shop`. */
function passesCheck(policy: AnyPolicy, settings: unknown): boolean {
  let passes = true;
  const report = (): void => void (passes = false);
  policy.check?.(settings, {
    path: [],
    report,
    route: "shop",
    needsIdentities: () => {},
    needsClaims: () => {},
    needsStore: () => {},
  });
  return passes;
}

const each = builtInPolicies.all.map((policy): [string, AnyPolicy] => [
  `${policy.at.join(", ")}: ${policy.name}`,
  policy,
]);

test.each(each)("%s: its layer takes all settings that pass the check", (_, policy) => {
  const schema = policy.schema(vocabulary) as z.ZodType;
  const written = anyValue(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema);
  fc.assert(
    fc.property(written, fc.constantFrom(...stores), (value, sharedStore) => {
      const { success, data } = schema.safeParse(value);
      fc.pre(success && data !== undefined && passesCheck(policy, data));
      build(policy, data, sharedStore);
    }),
    { numRuns: 300, maxSkipsPerRun: 1_000 },
  );
});
