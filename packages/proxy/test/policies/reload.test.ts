import { Agent, request as httpRequest } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { startDataPlane } from "../../src/data-plane/data-plane.ts";
import type { DataPlane, DataPlaneContext } from "../../src/data-plane/types.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { Arrivals, held, type Held, origin } from "../e2e/origin.ts";
import { resolved } from "../data-plane/resolved.ts";

const context: DataPlaneContext = {
  log: pino({ level: "silent" }),
  policies: builtInPolicies,
  ticketSecret: new Uint8Array(32),
};

interface Settings {
  readonly route?: object;
  readonly listener?: object;
  readonly cluster?: object;
}

/** A data plane in front of an origin that responds when the test says so. */
async function running(url: string, settings: Settings) {
  const raw = ({ route = {}, listener = {}, cluster = {} }: Settings) =>
    resolved({
      listeners: [
        {
          name: "main",
          address: "127.0.0.1:0",
          policies: listener,
          routes: [{ name: "all", cluster: "shop", policies: route }],
        },
      ],
      clusters: { shop: { endpoints: [url], ...cluster } },
    });
  const started = await startDataPlane(raw(settings), context);
  if (isLeft(started)) throw started.left.cause;
  const plane: DataPlane = started.right;
  onTestFinished(async () => {
    await plane.drain(0);
  });
  return {
    plane,
    get: () => get((plane.listening[0] as DataPlane["listening"][number]).url),
    reload: async (next: Settings) => expect((await plane.apply(raw(next), context))._tag).toBe("Right"),
  };
}

function get(url: string): Promise<number> {
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  return new Promise((resolve, reject) => {
    httpRequest(url, { agent }, (response) => {
      textOf(response).then(() => resolve(response.statusCode as number), reject);
    })
      .on("error", reject)
      .end();
  });
}

/** Changes the configuration, so that the cluster is recreated. */
const otherPool = { pool: { maxConnections: 77 } };

describe("a reload with calls in flight", () => {
  test.each<[name: string, before: Settings, after: Settings]>([
    ["route's", { route: { concurrencyLimit: 1 } }, { route: { concurrencyLimit: 1, timeout: "9s" } }],
    ["listener's", { listener: { concurrencyLimit: 1 } }, { listener: { concurrencyLimit: 1 } }],
    [
      "endpoint's",
      { cluster: { policies: { concurrencyLimit: 1 } } },
      { cluster: { policies: { concurrencyLimit: 1 }, ...otherPool } },
    ],
    ["lowered", { route: { concurrencyLimit: 2 } }, { route: { concurrencyLimit: 1 } }],
    [
      "client's",
      { route: { clientConcurrency: { limit: 1 } } },
      { route: { clientConcurrency: { limit: 1 }, timeout: "9s" } },
    ],
  ])("does not double a concurrency limit: %s", async (_of, before, after) => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const { get, reload } = await running(upstream.url, before);
    const first = get();
    const { response } = await arrivals.next();
    await reload(after);
    expect([429, 503]).toContain(await get());
    response.end();
    expect(await first).toBe(200);
    const second = get();
    (await arrivals.next()).response.end();
    expect(await second).toBe(200);
  });

  test("lets buffered calls proceed and counts them against the buffer", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const route = { concurrencyLimit: 1, buffer: { capacity: 1, maxWait: "1h" }, timeout: "1h" };
    const { get, reload, plane } = await running(upstream.url, { route });
    const first = get();
    const { response } = await arrivals.next();
    const second = get();
    await expect
      .poll(() => JSON.stringify(plane.describe()))
      .toMatch(/"name":"buffer","options":{[^}]*},"state":{"queued":1/);
    await reload({ route: { ...route, timeout: "2h" } });
    expect(await get()).toBe(503);
    response.end();
    expect(await first).toBe(200);
    (await arrivals.next()).response.end();
    expect(await second).toBe(200);
  });

  test("keeps an open circuit open, unless the endpoint is called with other settings", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const circuitBreaker = { failures: 1, open: "1h", maxOpen: "1h" };
    const { get, reload } = await running(upstream.url, { cluster: { policies: { circuitBreaker } } });
    const first = get();
    (await arrivals.next()).response.writeHead(500).end();
    expect(await first).toBe(500);
    await reload({ cluster: { policies: { circuitBreaker }, ...otherPool } });
    expect(await get()).toBe(503);
    await reload({ cluster: { policies: { circuitBreaker }, ...otherPool, protocol: "http2" } });
    // It was called: the origin does not speak HTTP/2.
    expect(await get()).toBe(502);
  });

  test("keeps endpoints ejected", async () => {
    await using bad = await origin((_request, response) => response.writeHead(500).end());
    await using good = await origin((_request, response) => response.end());
    const cluster = {
      endpoints: [bad.url, good.url],
      outliers: { consecutiveFailures: 1, maxEjected: "50%" },
    };
    const { get, reload, plane } = await running(bad.url, { cluster });
    await Promise.all([get(), get()]);
    const reasons = async () =>
      (await plane.clusters())[0]?.endpoints.map(({ healthy, reason }) => [healthy, reason]);
    const ejected = [
      [false, "ejected: consecutive-failures"],
      [true, undefined],
    ];
    expect(await reasons()).toEqual(ejected);
    await reload({ cluster: { ...cluster, ...otherPool } });
    expect(await reasons()).toEqual(ejected);
  });

  test("counts what was used under the old rate against a changed one", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const { get, reload } = await running(upstream.url, {
      route: { rateLimit: { global: { rate: "1/h" } } },
    });
    const first = get();
    (await arrivals.next()).response.end();
    expect(await first).toBe(200);
    for (const rate of ["2/h", "3/h"]) {
      await reload({ route: { rateLimit: { global: { rate } } } });
      expect(await get()).toBe(429);
    }
  });

  test("keeps the count of a rate limit", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const rateLimit = { global: { rate: "1/h" } };
    const { get, reload } = await running(upstream.url, { route: { rateLimit } });
    const first = get();
    (await arrivals.next()).response.end();
    expect(await first).toBe(200);
    await reload({ route: { rateLimit, timeout: "9s" } });
    expect(await get()).toBe(429);
  });
});
