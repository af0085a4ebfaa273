import { Agent, createServer, request as httpRequest } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { startDataPlane } from "../../src/data-plane/data-plane.ts";
import type { DataPlane, DataPlaneContext } from "../../src/data-plane/types.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { Arrivals, type Held, held, listen, refusing } from "../e2e/origin.ts";
import { type RawConfig, resolved } from "./resolved.ts";

const context: DataPlaneContext = {
  log: pino({ level: "silent" }),
  policies: builtInPolicies,
  ticketSecret: new Uint8Array(32),
};

/** A data plane that runs until the test has finished. */
async function running(raw: RawConfig): Promise<DataPlane> {
  const started = await startDataPlane(resolved(raw), context);
  if (isLeft(started)) throw started.left.cause;
  onTestFinished(async () => {
    await started.right.drain(0);
  });
  return started.right;
}

const urlOf = (plane: DataPlane, name = "main"): string =>
  plane.listening.find((each) => each.name === name)?.url ?? "";

/** A client with one keep-alive connection. */
function client() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const sockets = new Set<unknown>();
  return {
    sockets,
    get: (url: string) =>
      new Promise<{ readonly status: number | undefined; readonly body: string }>((resolve, reject) => {
        httpRequest(url, { agent }, (response) => {
          sockets.add(response.socket);
          textOf(response).then((body) => resolve({ status: response.statusCode, body }), reject);
        })
          .on("error", reject)
          .end();
      }),
  };
}

function answering(body: string) {
  return [{ name: "all", respond: { status: 200, body } }];
}

describe("a new configuration", () => {
  test("takes effect with the next request on an open connection", async () => {
    const listener = { name: "main", address: "127.0.0.1:0" };
    const plane = await running({ listeners: [{ ...listener, routes: answering("one") }] });
    const { get, sockets } = client();
    expect(await get(urlOf(plane))).toEqual({ status: 200, body: "one" });
    const applied = await plane.apply(
      resolved({ listeners: [{ ...listener, routes: answering("two") }] }),
      context,
    );
    expect(applied._tag).toBe("Right");
    expect(await get(urlOf(plane))).toEqual({ status: 200, body: "two" });
    expect(sockets.size).toBe(1);
  });

  test("lets requests finish in their generation, then closes its resources", async () => {
    const arrivals = new Arrivals<Held>();
    await using former = await held(arrivals);
    await using later = await listen(createServer((_message, out) => out.end("later")));
    const plane = await running({ clusters: { shop: { endpoints: [former.url], balance: "random" } } });
    const first = client().get(urlOf(plane));
    const { response } = await arrivals.next();
    await plane.apply(
      resolved({ clusters: { shop: { endpoints: [later.url], balance: "round-robin" } } }),
      context,
    );
    expect(await client().get(urlOf(plane))).toEqual({ status: 200, body: "later" });
    response.end("former");
    expect(await first).toEqual({ status: 200, body: "former" });
    const [connection] = former.sockets;
    if (connection !== undefined) await new Promise((resolve) => connection.once("close", resolve));
    expect(former.sockets.size).toBe(0);
  });

  test("opens added listeners and drains removed ones", async () => {
    const [one, two] = ["one", "two"].map((name) => ({
      name,
      address: "127.0.0.1:0",
      routes: answering(name),
    }));
    const plane = await running({ listeners: [one] });
    const { get } = client();
    const former = urlOf(plane, "one");
    expect(await get(former)).toEqual({ status: 200, body: "one" });
    await plane.apply(resolved({ listeners: [two] }), context);
    expect(plane.listening.map(({ name }) => name)).toEqual(["two"]);
    expect(await get(urlOf(plane, "two"))).toEqual({ status: 200, body: "two" });
    await expect(client().get(former)).rejects.toThrow("ECONNREFUSED");
  });

  test("opens nothing during a drain", async () => {
    const main = { name: "main", address: "127.0.0.1:0", routes: answering("main") };
    const plane = await running({ listeners: [main] });
    const late = { ...main, name: "late" };
    const applied = plane.apply(resolved({ listeners: [main, late] }), context);
    await plane.drain(0);
    expect(isLeft(await applied)).toBe(false);
    expect(plane.listening.map(({ name }) => name)).toEqual(["main"]);
  });

  test("changes nothing if a listener cannot listen", async () => {
    await using taken = await listen(createServer());
    const main = { name: "main", address: "127.0.0.1:0" };
    const plane = await running({ listeners: [{ ...main, routes: answering("one") }] });
    const before = plane.listening;
    const applied = await plane.apply(
      resolved({
        listeners: [
          { ...main, routes: answering("two") },
          { name: "free", address: "127.0.0.1:0", routes: answering("two") },
          { name: "other", address: `127.0.0.1:${taken.port}`, routes: answering("two") },
        ],
        workers: 1,
      }),
      context,
    );
    expect(applied).toMatchObject({
      _tag: "Left",
      left: { _tag: "ListenFailed", code: "EADDRINUSE", port: taken.port },
    });
    expect(plane.listening).toEqual(before);
    expect(await client().get(urlOf(plane))).toEqual({ status: 200, body: "one" });
  });
});

describe("readiness", () => {
  test("holds without clusters", async () => {
    expect((await running({})).notReady()).toBeUndefined();
  });

  test("holds if one cluster is reachable", async () => {
    await using origin = await listen(createServer());
    const plane = await running({
      clusters: { gone: { endpoints: [refusing] }, here: { endpoints: [origin.url] } },
    });
    expect(plane.notReady()).toBeUndefined();
  });

  test("does not hold if no cluster is reachable, or during a drain", async () => {
    const plane = await running({ clusters: { gone: { endpoints: [refusing] } } });
    expect(plane.notReady()).toBe("no upstream can be reached");
    await plane.drain(0);
    expect(plane.notReady()).toBe("draining");
  });
});

test("counters continue over configurations, by route", async () => {
  const listener = { name: "main", address: "127.0.0.1:0" };
  const plane = await running({ listeners: [{ ...listener, routes: answering("one") }] });
  const { get } = client();
  await get(urlOf(plane));
  await plane.apply(resolved({ listeners: [{ ...listener, routes: answering("two") }] }), context);
  await get(urlOf(plane));
  const metrics = await plane.metrics();
  const requests = metrics.find(({ name }) => name === "http_requests_total");
  expect(requests?.values).toMatchObject([{ labels: { route: "all", status: "200" }, value: 2 }]);
});

test("descriptions, status and metrics are plain data", async () => {
  await using origin = await listen(createServer((_message, out) => out.end("hello")));
  const plane = await running({ clusters: { shop: { endpoints: [origin.url], check: { type: "tcp" } } } });
  await client().get(urlOf(plane));
  for (const said of [plane.listening, plane.describe(), await plane.clusters(), await plane.metrics()])
    expect(structuredClone(said)).toEqual(said);
  expect(plane.describe()).toHaveProperty("main");
});

describe("removed parts leave no series:", () => {
  const labelled = async (plane: DataPlane, pattern: RegExp): Promise<number> =>
    (await plane.metrics())
      .flatMap(({ values }) => values)
      .filter(({ labels }) => Object.values(labels).some((value) => pattern.test(String(value)))).length;

  test("defect: endpoints that came and went, here 3,000 in 10 configurations", async () => {
    await using origin = await listen(createServer((_message, out) => out.end("here")));
    const policies = { circuitBreaker: {}, concurrencyLimit: 10, timeout: "1s" };
    const routes = [{ name: "all", cluster: "shop", policies: { timeout: "10s" } }];
    const withEndpoints = (endpoints: readonly string[]) =>
      resolved({
        listeners: [{ name: "main", address: "127.0.0.1:0", routes }],
        clusters: { shop: { endpoints, policies } },
      });
    const plane = await running({ clusters: { shop: { endpoints: [origin.url], policies } } });
    expect(await client().get(urlOf(plane))).toEqual({ status: 200, body: "here" });
    for (let reload = 0; reload < 10; reload++) {
      const endpoints = Array.from(
        { length: 300 },
        (_, at) => `http://127.9.${reload * 2 + (at % 2)}.${1 + (at >> 1)}:1`,
      );
      expect((await plane.apply(withEndpoints(endpoints), context))._tag).toBe("Right");
      expect(await labelled(plane, /^http:\/\/127\.9\./)).toBeGreaterThan(300);
    }
    await plane.apply(withEndpoints([origin.url]), context);
    expect(await client().get(urlOf(plane))).toEqual({ status: 200, body: "here" });
    await plane.metrics();
    expect(await labelled(plane, /^http:\/\/127\.9\./)).toBe(0);
    expect(await labelled(plane, new RegExp(`^${origin.url}$`))).toBeGreaterThan(0);
  });

  test("clusters and routes", async () => {
    const withNames = (name: string) => ({
      listeners: [
        { name: "main", address: "127.0.0.1:0", routes: [{ name: `route-${name}`, cluster: name }] },
      ],
      clusters: { [name]: { endpoints: [refusing] } },
    });
    const plane = await running(withNames("first"));
    await plane.apply(resolved(withNames("second")), context);
    await plane.metrics();
    expect(await labelled(plane, /first/)).toBe(0);
    expect(await labelled(plane, /second/)).toBeGreaterThan(0);
  });
});
