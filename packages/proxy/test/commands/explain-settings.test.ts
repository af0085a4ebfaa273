import { readFileSync } from "node:fs";
import { isLeft } from "@pagoda/core";
import { httpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { explainListener } from "../../src/commands/explain-listener.ts";
import { readConfig } from "../../src/config/read.ts";
import type { Config } from "../../src/config/schema/config.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

describe("explain shows every field that differs from its default", async () => {
  const file = new URL("../../examples/full.yaml", import.meta.url);
  const full = parse(readFileSync(file, "utf8")) as Everything;
  const [listener] = full.listeners as [Everything["listeners"][number]];
  const listeners = full.listeners.map((each) => ({
    ...each,
    // Where the example has the defaults.
    maxConnections: 9_999,
    order: "first",
    hostPorts: "match",
    protocols: ["http2"],
    timeouts: { head: "59s" },
    upgrades: ["connect"],
    routes: each.routes.map(({ policies = {}, ...route }) => ({
      ...route,
      policies: present(policies),
    })),
    policies: present(each.policies),
  }));
  const clusters = Object.fromEntries(
    Object.entries(full.clusters).map(([name, cluster]) => [
      name,
      { ...cluster, panicThreshold: "49%", pool: { ping: "9s" } },
    ]),
  );
  const settings = readConfig(JSON.stringify({ ...full, plugins: undefined, listeners, clusters }));
  if (isLeft(settings)) throw new Error(settings.left.map(({ message }) => message).join("\n"));
  const config = settings.right;
  const peer = { address: "10.9.9.9", port: 0, identity: "spiffe://mesh/a" };
  const request = { ...httpRequest("https://shop.example/", { method: "GET" }), peer };

  /** What is said about a request for the only route of the listener, to the only cluster. */
  async function said(
    route: Config["listeners"][number]["routes"][number],
    cluster: string,
  ): Promise<string> {
    const to =
      route.redirect === undefined && route.respond === undefined ? { clusters: undefined, cluster } : {};
    const only = {
      ...(config.listeners[0] as Config["listeners"][number]),
      routes: [{ ...route, ...to, match: { path: { prefix: "/" } } }],
    };
    return explainListener(
      { config: { ...config, listeners: [only] }, policies: builtInPolicies },
      0,
      request,
    );
  }
  const texts = await Promise.all(
    (config.listeners[0]?.routes ?? []).flatMap((route) =>
      Object.keys(clusters).map((cluster) => said(route, cluster)),
    ),
  );
  const text = texts.join("\n");
  const names = (part: object): readonly string[] => Object.keys(part);
  const namesIn = (part: { readonly policies?: object }): readonly string[] =>
    names(part).concat(names(part.policies ?? {}));
  const fields = [
    ...names(listener),
    ...names(listener.policies),
    ...listener.routes.flatMap(namesIn),
    ...Object.values(full.clusters).flatMap(namesIn),
  ];

  /** Fields that a line shows in other words. */
  const words: Readonly<Record<string, string>> = {
    name: "listener public",
    address: "listener public",
    upgrades: "client 10.9.9.9",
    trustedProxies: "client 10.9.9.9",
    routes: "route api",
    match: "route api",
    cluster: "cluster shop",
    clusters: "cluster canary",
    policies: "authorize: ",
    respond: "respond 404",
    redirect: "redirect {",
    endpoints: "over [",
    dns: 'over {"host"',
    srv: 'over {"name"',
    kubernetes: 'over {"service"',
    file: 'over "stock.json"',
    balance: "peak-ewma over",
  };

  test.each([...new Set(fields)])("%s", (field) => {
    expect(text).toContain(words[field] ?? `  ${field}: `);
  });
});

interface Everything {
  readonly listeners: readonly {
    readonly policies: object;
    readonly routes: readonly {
      readonly match?: unknown;
      readonly policies?: object;
    }[];
  }[];
  readonly clusters: Readonly<Record<string, { readonly policies?: object }>>;
}

/** Policies that let the request pass, so that what follows is explained. */
function present(policies: object): object {
  return Object.fromEntries(
    Object.entries(policies)
      .filter(([name]) => name !== "tenant")
      .map(([name, value]: [string, unknown]) => [
        name,
        name === "authorize"
          ? { rules: [{ name: "none", effect: "deny", to: { methods: ["PUT"] } }] }
          : value,
      ]),
  );
}
