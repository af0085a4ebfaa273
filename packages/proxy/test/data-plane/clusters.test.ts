import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { type FromClient, httpRequest, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { isLeft } from "@pagoda/core";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Cluster } from "../../src/data-plane/cluster.ts";
import { Clusters, type Taken } from "../../src/data-plane/clusters.ts";
import { realSystem } from "../../src/data-plane/network.ts";
import { noSpans } from "../../src/data-plane/spans.ts";
import { CentralEndpoints } from "../../src/data-plane/central-endpoints.ts";
import { EjectedEndpoints } from "../../src/data-plane/ejected-endpoints.ts";
import { States } from "../../src/policies/states.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { listen, refusing } from "../e2e/origin.ts";
import { until } from "../e2e/program.ts";
import { resolved, told } from "./resolved.ts";

const request: HttpRequest & FromClient = {
  ...httpRequest("http://shop.example/"),
  client: { address: "10.0.0.7" },
};

async function get(cluster: Cluster): Promise<HttpResponse> {
  const result = await cluster.service.call(request);
  if (isLeft(result)) throw new Error(result.left._tag);
  await result.right.body.bytes();
  return result.right;
}

/** Clusters over a sequence of configurations. */
function clustersOver() {
  const { telemetry, lines } = told();
  const clusters = new Clusters({
    ...telemetry,
    states: new States(),
    central: new CentralEndpoints(),
    ejected: new EjectedEndpoints(),
    ...realSystem(),
  });
  const all: Taken[] = [];
  onTestFinished(() => {
    for (const taken of all) taken.release();
  });
  return {
    lines,
    async take(
      shop: object,
      files?: ReadonlyMap<string, string>,
    ): Promise<{ readonly taken: Taken; readonly shop: Cluster }> {
      const next = resolved({ clusters: { shop } }, files);
      const taken = await clusters.take(next, noSpans, builtInPolicies);
      await clusters.use(taken, next);
      all.push(taken);
      const [[, cluster] = []] = taken.all;
      return { taken, shop: cluster as Cluster };
    },
    drop(taken: Taken): void {
      all.splice(all.indexOf(taken), 1);
      taken.release();
    },
  };
}

describe("over reloads", () => {
  test("a cluster with the same settings keeps its connections", async () => {
    await using origin = await listen(createServer((_message, out) => out.end("hello")));
    const { take, drop } = clustersOver();
    const first = await take({ endpoints: [origin.url] });
    await get(first.shop);
    const [connection] = origin.sockets;
    const second = await take({ endpoints: [origin.url] });
    expect(second.shop).toBe(first.shop);
    drop(first.taken);
    await get(second.shop);
    expect([...origin.sockets]).toEqual([connection]);
  });

  test("endpoints that remain in the list keep their state, others come and go", async () => {
    await using one = await listen(createServer((_message, out) => out.end("one")));
    await using two = await listen(createServer((_message, out) => out.end("two")));
    const { take } = clustersOver();
    const first = await take({ endpoints: [one.url] });
    await get(first.shop);
    const [connection] = one.sockets;
    const second = await take({ endpoints: [two.url, one.url] });
    expect(second.shop).toBe(first.shop);
    await Promise.all([get(second.shop), get(second.shop)]);
    expect(two.sockets.size).toBe(1);
    expect([...one.sockets]).toEqual([connection]);
    await take({ endpoints: [two.url] });
    expect((await second.shop.status()).endpoints).toMatchObject([{ endpoint: two.url }]);
  });

  test("a cluster with other settings is new, and the old one closes after its last generation", async () => {
    await using origin = await listen(createServer((_message, out) => out.end("hello")));
    const { take, drop } = clustersOver();
    const first = await take({ endpoints: [origin.url] });
    const second = await take({ endpoints: [origin.url], balance: "peak-ewma" });
    expect(second.shop).not.toBe(first.shop);
    await get(first.shop);
    drop(first.taken);
    await expect(get(first.shop)).rejects.toThrow("NoEndpointReady");
    expect(await get(second.shop)).toMatchObject({ status: 200 });
  });

  test("a new cluster knows how fast its endpoints are and how far their slow start has come", async () => {
    await using one = await listen(createServer((_message, out) => out.end("one")));
    await using two = await listen(createServer((_message, out) => out.end("two")));
    const { take, drop } = clustersOver();
    const settings = { balance: "peak-ewma", slowStart: "1h" };
    const first = await take({ endpoints: [one.url], ...settings });
    await get(first.shop);
    const second = await take({ endpoints: [one.url, two.url], ...settings });
    const third = await take({ endpoints: [one.url, two.url], ...settings, pool: { maxConnections: 77 } });
    expect(third.shop).not.toBe(second.shop);
    const [known] = (await second.shop.status()).endpoints;
    drop(first.taken);
    drop(second.taken);
    expect((await third.shop.status()).endpoints).toMatchObject([
      { endpoint: one.url, latencyMs: known?.latencyMs },
      { endpoint: two.url, latencyMs: 30, reason: "starting: 10% of its share" },
    ]);
    expect(known?.latencyMs).not.toBe(30);
    expect((await third.shop.status()).endpoints[0]?.reason).toBeUndefined();
    const fourth = await take({ endpoints: [one.url, two.url], ...settings, protocol: "http2" });
    expect((await fourth.shop.status()).endpoints).toMatchObject([{ latencyMs: 30 }, { latencyMs: 30 }]);
  });

  test("a new cluster starts with the last endpoints of its source", async () => {
    await using origin = await listen(createServer((_message, out) => out.end("hello")));
    const folder = mkdtempSync(join(tmpdir(), "pagoda-clusters-"));
    const file = join(folder, "shop.json");
    writeFileSync(file, JSON.stringify([origin.url]));
    const { take, lines } = clustersOver();
    const first = await take({ file });
    await first.shop.started;
    rmSync(folder, { recursive: true });
    const second = await take({ file, balance: "peak-ewma" });
    expect(second.shop).not.toBe(first.shop);
    await second.shop.started;
    expect(await get(second.shop)).toMatchObject({ status: 200 });
    await until(
      async () => lines.map(({ msg }) => msg),
      (logged) => logged.includes("endpoint discovery failed; keeping the last known endpoints"),
    );
    const another = await take({ file: join(folder, "cart.json") });
    await another.shop.started;
    expect(another.shop.endpoints).toEqual([]);
  });

  test("a referenced file with other contents makes a new cluster", async () => {
    const { take } = clustersOver();
    const settings = { endpoints: ["https://127.0.0.1:1"], tls: { ca: "ca.pem" } };
    const [one = "", two = ""] = rootCertificates;
    const first = await take(settings, new Map([["ca.pem", one]]));
    expect((await take(settings, new Map([["ca.pem", one]]))).shop).toBe(first.shop);
    expect((await take(settings, new Map([["ca.pem", two]]))).shop).not.toBe(first.shop);
  });
});

describe("the status of a cluster shows", () => {
  test("a healthy endpoint", async () => {
    await using origin = await listen(createServer((_message, out) => out.end("hello")));
    const { take } = clustersOver();
    const { shop } = await take({ endpoints: [origin.url], balance: "peak-ewma" });
    await get(shop);
    expect(await shop.status()).toEqual({
      cluster: "shop",
      strategy: "peak-ewma",
      endpoints: [
        {
          endpoint: origin.url,
          healthy: true,
          inFlight: 0,
          calls: { succeeded: 1, failed: 0, timedOut: 0, consecutiveFailures: 0 },
          latencyMs: expect.any(Number),
          state: { ready: true, transport: expect.objectContaining({ idle: 1 }) },
        },
      ],
      state: { endpoints: 1, healthy: 1, panicking: false },
    });
  });

  test("that discovery fails, and why", async () => {
    const { take } = clustersOver();
    const { shop } = await take({ file: "/nowhere/shop.json" });
    await shop.started;
    expect(await shop.status()).toMatchObject({
      reason: "file: ENOENT",
      endpoints: [],
      state: { endpoints: 0, file: { path: "/nowhere/shop.json" } },
    });
  });

  test("that health is ignored because too few endpoints are healthy", async () => {
    const { take } = clustersOver();
    const { shop } = await take({ endpoints: [refusing], check: { type: "tcp" } });
    expect((await shop.status()).reason).toBe("too few healthy endpoints; ignoring health");
  });

  test("an open circuit with its reason, which is logged", async () => {
    const { take, lines } = clustersOver();
    const { shop } = await take({ endpoints: [refusing], policies: { circuitBreaker: { failures: 2 } } });
    for (let n = 0; n < 2; n++) await expect(get(shop)).rejects.toThrow("ConnectFailed");
    const { endpoints } = await shop.status();
    expect(endpoints).toMatchObject([
      {
        endpoint: refusing,
        healthy: true,
        reason: "circuit open: consecutive-failures",
        state: { ready: false },
      },
    ]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        cluster: "shop",
        endpoint: refusing,
        msg: "circuit opened",
        reason: "consecutive-failures",
      }),
    );
  });

  test("an ejected endpoint with its reason", async () => {
    await using origin = await listen(createServer((_message, out) => out.writeHead(500).end()));
    await using other = await listen(createServer((_message, out) => out.writeHead(200).end()));
    const { take } = clustersOver();
    const { shop } = await take({ endpoints: [origin.url, other.url], outliers: { consecutiveFailures: 2 } });
    for (let n = 0; n < 4; n++) await get(shop);
    expect((await shop.status()).endpoints).toMatchObject([
      { healthy: false, reason: "ejected: consecutive-failures" },
      { healthy: true },
    ]);
  });

  test("an endpoint whose first check is pending", async () => {
    const { take } = clustersOver();
    const { shop } = await take({ endpoints: [refusing], check: { type: "tcp" } });
    expect((await shop.status()).endpoints).toMatchObject([
      { healthy: false, reason: "health-check: not checked yet" },
    ]);
  });
});
