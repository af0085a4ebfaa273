import { readFileSync } from "node:fs";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { adviceGuide } from "../../src/config/advice.ts";
import { loadConfig } from "../../src/config/load.ts";

interface Parts {
  readonly policies?: object;
  readonly cluster?: object;
  readonly routes?: readonly object[];
}

/** The advice about a configuration with one route and one cluster, as `path: message`. */
async function adviceFor({ policies = {}, cluster = {}, routes }: Parts): Promise<readonly string[]> {
  return given({
    listeners: [{ address: "127.0.0.1:1", routes: routes ?? [{ name: "all", cluster: "shop", policies }] }],
    clusters: { shop: { endpoints: ["http://127.0.0.1:2"], ...cluster } },
  });
}

async function given(config: object): Promise<readonly string[]> {
  const loaded = await loadConfig({ config, env: {} });
  if (isLeft(loaded)) throw new Error(loaded.left.join("\n"));
  const { warnings, advice } = loaded.right;
  return [...warnings, ...advice].map((line) => line.replace(/^configuration:\d+:\d+: /, ""));
}

describe("retries", () => {
  const path = "listeners[0].routes[0].policies.retry.budget.ratio";

  test("a budget above half of all calls is advised against", async () => {
    expect(await adviceFor({ policies: { retry: { budget: { ratio: "75%" } } } })).toEqual([
      `${path}: adds 75% to the load of an origin that is failing; 20% is usual; see ${adviceGuide}#retries-without-a-budget`,
    ]);
  });

  test.each([{ budget: { ratio: "50%" } }, {}, { attempts: 1, budget: { ratio: "100%" } }])(
    "%o is fine",
    async (retry) => expect(await adviceFor({ policies: { retry } })).toEqual([]),
  );
});

describe("breakers", () => {
  const unlimited = { timeout: "0ms" };

  test("a route without a timeout is advised against", async () => {
    const cluster = { policies: { circuitBreaker: {} } };
    expect(await adviceFor({ policies: unlimited, cluster })).toEqual([
      `clusters.shop.policies.circuitBreaker: route all has no timeout, so an endpoint that hangs causes no open circuit; see ${adviceGuide}#a-breaker-without-a-time-limit`,
    ]);
    expect(await adviceFor({ policies: unlimited, cluster: { outliers: {} } })).toEqual([
      `clusters.shop.outliers: route all has no timeout, so an endpoint that hangs causes no ejection; see ${adviceGuide}#a-breaker-without-a-time-limit`,
    ]);
  });

  test("the shares of a route without a timeout count, too", async () => {
    const routes = [
      { name: "all", clusters: [{ cluster: "shop", weight: 1 }], policies: unlimited },
      { name: "other", match: { path: "/other" }, cluster: "shop" },
    ];
    const [found] = await adviceFor({ routes, cluster: { outliers: {} } });
    expect(found).toContain("route all has no timeout");
  });

  test.each([
    { policies: {}, cluster: { policies: { circuitBreaker: {} } } },
    { policies: unlimited, cluster: { policies: { circuitBreaker: {}, timeout: "1m" } } },
    { policies: unlimited, cluster: {} },
  ])("%o is fine", async (parts) => expect(await adviceFor(parts)).toEqual([]));
});

describe("endpoints", () => {
  test("a host name is advised against", async () => {
    const endpoints = ["http://127.0.0.1:2", { url: "https://shop.internal:8443", weight: 2 }];
    expect(await adviceFor({ cluster: { endpoints, balance: "random" } })).toEqual([
      `clusters.shop.endpoints[1]: shop.internal is resolved only when a connection is opened, and is one endpoint whatever its addresses; use dns to balance over them; see ${adviceGuide}#a-host-name-as-an-endpoint`,
    ]);
  });

  test("addresses and localhost are fine", async () => {
    const endpoints = ["http://10.0.0.1:2", "http://[::1]:2", "http://localhost:2"];
    expect(await adviceFor({ cluster: { endpoints } })).toEqual([]);
  });
});

describe("parts that nothing uses", () => {
  const origin = { endpoints: ["http://127.0.0.1:2"] };
  const routes = [
    { name: "split", match: { path: "/split" }, clusters: [{ cluster: "share", weight: 1 }] },
    { name: "all", cluster: "shop", policies: { mirror: { cluster: "copy" } } },
  ];
  const unused = (what: string, ofWhat: string, anchor: string): string =>
    `${what}: no ${ofWhat} uses this ${what.split(".")[0]?.slice(0, -1)}; see ${adviceGuide}#${anchor}`;

  test("a cluster is used by routes, shares and policies", async () => {
    const clusters = { shop: origin, share: origin, copy: origin, cart: origin };
    expect(await given({ listeners: [{ address: "127.0.0.1:1", routes }], clusters })).toEqual([
      unused("clusters.cart", "route", "a-cluster-that-no-route-uses"),
    ]);
  });

  test("a store is used by limits of listeners and routes", async () => {
    const store = { redis: ["redis://127.0.0.1"] };
    const limit = (name: string): object => ({ rateLimit: { store: name, global: { rate: "1/s" } } });
    const config = {
      stores: { outer: store, inner: store, spare: store },
      listeners: [
        {
          address: "127.0.0.1:1",
          policies: limit("outer"),
          routes: [{ name: "all", cluster: "shop", policies: limit("inner") }],
        },
      ],
      clusters: { shop: origin },
    };
    expect(await given(config)).toEqual([unused("stores.spare", "limit", "a-store-that-no-limit-uses")]);
  });
});

describe("the guide", () => {
  const text = readFileSync(new URL("../../../../docs/guides/check-warnings.md", import.meta.url), "utf8");
  const sections = text.split(/^## /m).slice(1);

  test.each(sections)("the first example of a section is advised against: %s", async (section) => {
    const [heading = ""] = section.split("\n");
    const [, yaml = ""] = /```yaml\n(.*?)```/s.exec(section) ?? [];
    const found = await given(parseDocument(yaml).toJS());
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${adviceGuide}#${heading.toLowerCase().replaceAll(" ", "-")}`);
  });

  test("the other examples are the remedies", async () => {
    const remedies = sections.flatMap((section) => [...section.matchAll(/```yaml\n(.*?)```/gs)].slice(1));
    expect(remedies).toHaveLength(2);
    for (const [, yaml = ""] of remedies) expect(await given(parseDocument(yaml).toJS())).toEqual([]);
  });
});
