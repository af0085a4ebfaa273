import { isLeft, type Layer, left } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { startDataPlane } from "../../src/data-plane/data-plane.ts";
import { type AnyPolicy, definePolicy } from "../../src/policies/policy.ts";
import { registryOf } from "../../src/policies/registry.ts";
import { call } from "../e2e/client.ts";
import { named } from "../e2e/origin.ts";
import { resolved } from "./resolved.ts";

/** What JavaScript may pass as a layer. */
function hostile(service: object): Layer<HttpRequest> {
  return (() => ({ ready: () => undefined, describe: () => ({ name: "own" }), ...service })) as never;
}

function policy(layer: () => Layer<HttpRequest>, more: Partial<AnyPolicy> = {}): AnyPolicy {
  const own = definePolicy({
    name: "own",
    at: ["route", "endpoint"],
    schema: ({ flag }) => flag.optional(),
    layer,
    answers: {},
  });
  return { ...own, ...more };
}

const thrown = (): never => {
  throw new Error("defect of a policy");
};

/** A data plane with a policy on the route or around the endpoints. */
async function running(own: AnyPolicy, at: "route" | "endpoint") {
  const shop = await named("shop");
  onTestFinished(() => shop[Symbol.asyncDispose]());
  const policies = registryOf([own]);
  const settings = { own: true };
  const route = { name: "all", cluster: "shop", ...(at === "route" && { policies: settings }) };
  const cluster = { endpoints: [shop.url], ...(at === "endpoint" && { policies: settings }) };
  const listeners = [{ name: "main", address: "127.0.0.1:0", routes: [route] }];
  const started = await startDataPlane(
    resolved({ listeners, clusters: { shop: cluster } }, undefined, policies),
    {
      log: pino({ level: "silent" }),
      policies,
      ticketSecret: new Uint8Array(32),
    },
  );
  if (isLeft(started)) throw started.left.cause;
  onTestFinished(async () => void (await started.right.drain(0)));
  return { plane: started.right, url: started.right.listening[0]?.url as string };
}

describe("a request gets 500 if the layer of a policy", () => {
  test.each<[string, object]>([
    ["throws", { call: thrown }],
    ["rejects", { call: async () => thrown() }],
    [
      "fails with an error without an answer",
      { call: async () => left({ _tag: "Own", origin: "local", retryable: false }) },
    ],
    ["returns something else", { call: async () => 5 }],
  ])("%s", async (_, service) => {
    const { url } = await running(
      policy(() => hostile(service)),
      "route",
    );
    expect((await call(url)).status).toBe(500);
    expect((await call(url)).status).toBe(500);
  });
});

test("operators see the rest of a stack whose layer cannot describe itself", async () => {
  const inside = policy(() => hostile({ describe: thrown }));
  const { plane } = await running(inside, "route");
  expect(plane.describe()).toEqual({
    main: { name: "unknown", state: { describeFailed: "defect of a policy" } },
  });
  const { plane: other } = await running(
    { ...inside, state: { boundTo: () => undefined, create: () => 1 }, blockedReason: thrown },
    "endpoint",
  );
  expect((await other.clusters())[0]?.endpoints[0]).toMatchObject({
    reason: "own: blockedReason failed: defect of a policy",
    state: { ready: true },
  });
});

test.each<[string, AnyPolicy]>([
  ["layer", policy(thrown)],
  ["layer for a stack", policy(() => thrown as never)],
  ["state", policy(() => hostile({}), { state: { boundTo: thrown, create: thrown } })],
])("a configuration is refused if the %s of a policy throws, and names it", async (_, own) => {
  await expect(running(own, "route")).rejects.toThrow(
    "policy own, listener main, route all: defect of a policy",
  );
});
