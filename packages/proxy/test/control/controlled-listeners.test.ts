import { virtualClock } from "@pagoda/core/testing";
import type { XdsListener } from "@pagoda/xds";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Loaded } from "../../src/config/load.ts";
import { type Completed, ControlledListeners } from "../../src/control/controlled-listeners.ts";
import type { ListenerConfig } from "../../src/config/schema/config.ts";
import type { ControlPlanes, PlaneSettings } from "../../src/control/control-planes.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { resolved } from "../data-plane/resolved.ts";

/** A control plane as a client sees it. */
class Plane {
  listeners: readonly XdsListener[] = [];
  isAnswered = false;
  isReleased = false;
  readonly started = Promise.resolve();

  subscribe() {
    return () => {};
  }

  state() {
    return {};
  }

  sends(...listeners: readonly XdsListener[]): void {
    this.listeners = listeners;
    this.isAnswered = true;
  }
}

/** The secret of the first certificate. */
function secretIn(tls: ListenerConfig["tls"]): string | undefined {
  const [certificate] = tls?.certificates ?? [];
  return certificate !== undefined && "secret" in certificate ? certificate.secret : undefined;
}

/** Control planes by server. Each can be followed once, as with a client. */
function bench(said: string[] = []) {
  const planes = new Map<string, Plane>();
  const take = async ({ config: { server } }: PlaneSettings) => ({
    client: {
      listeners() {
        if (planes.get(server)?.isReleased === false) throw new RangeError("followed already");
        const plane = new Plane();
        planes.set(server, plane);
        return plane;
      },
    },
    release: () => void ((planes.get(server) as Plane).isReleased = true),
  });
  const listeners = new ControlledListeners({
    log: pino({}, { write: (line) => void said.push(line) }),
    clock: virtualClock(),
    planes: { take } as unknown as ControlPlanes,
    lacksSecrets: ({ tls }) => secretIn(tls) === "late",
    changed: () => {},
  });
  const names = (loaded: Loaded) => listeners.complete(loaded).config.listeners.map(({ name }) => name);
  return { listeners, names, plane: (server: string) => planes.get(server) as Plane };
}

function loadedFrom(server: string): Loaded {
  const control = { xds: { server, node: { id: "edge" }, listeners: true } };
  return { ...resolved({ listeners: [], control }), policies: builtInPolicies } as unknown as Loaded;
}

function listener(name: string, port: number, cluster = "shop"): XdsListener {
  const route = { name: "", match: { path: { prefix: "/" } }, cluster };
  const virtualHosts = [{ name: "all", domains: ["*"], routes: [route] }];
  return {
    name,
    address: "127.0.0.1",
    port,
    protocols: ["http1"],
    normalizesPaths: false,
    mergesSlashes: false,
    escapedSlashes: "keep",
    upgrades: [],
    ignored: [],
    hasOwnRoutes: false,
    routes: { name: "r", ignoresPort: false, ignored: [], virtualHosts },
  };
}

const [a, b] = ["http://a:1", "http://b:1"].map(loadedFrom) as [Loaded, Loaded];

test("another control plane takes listeners away only once it has answered (defect: was)", async () => {
  const { listeners, names, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(listener("one", 1), listener("two", 2));
  listeners.keep(a);
  await listeners.begin(b);
  expect(names(b)).toEqual(["one", "two"]);
  listeners.keep(b);
  expect(plane("http://a:1").isReleased).toBe(true);
  expect(names(b)).toEqual(["one", "two"]);
  plane("http://b:1").sends(listener("one", 1));
  expect(names(b)).toEqual(["one"]);
});

test("the control plane of a rejected configuration changes nothing (defect: was)", async () => {
  const { listeners, names, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(listener("one", 1));
  listeners.keep(a);
  await listeners.begin(b);
  plane("http://b:1").sends(listener("two", 2));
  expect(names(b)).toEqual(["two"]);
  listeners.keep(a);
  expect([plane("http://a:1").isReleased, plane("http://b:1").isReleased]).toEqual([false, true]);
  expect(names(a)).toEqual(["one"]);
  await listeners.begin(a);
  expect(names(a)).toEqual(["one"]);
});

test("listeners that are gone are forgotten, so that names cannot accumulate (defect: was)", async () => {
  const { listeners, plane } = bench();
  await listeners.begin(a);
  // Two at one address: one of them is left out.
  plane("http://a:1").sends(listener("one", 1), listener("two", 1));
  listeners.complete(a);
  expect(listeners.describe()).toMatchObject([{ state: { leftOut: { two: expect.any(String) } } }]);
  plane("http://a:1").sends(listener("three", 1));
  listeners.complete(a);
  expect(listeners.describe()[0]?.state).toEqual({ leftOut: {} });
});

test.each(["constructor", "toString"])("a cluster may be called %s (defect: was)", async (called) => {
  const { listeners, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(listener("one", 1, called));
  const { clusters } = listeners.complete(a).config;
  expect(Object.entries(clusters)).toMatchObject([[called, { xds: called }]]);
});

function secured(secret: string, cluster: string, more: Partial<XdsListener> = {}): XdsListener {
  const tls = { certificates: [secret], minVersion: "TLSv1.2" } as const;
  return { ...listener("one", 1, cluster), tls, ...more };
}

/** What is served of a listener: its certificate, its port and its clusters. */
function shown({ config: { listeners, clusters } }: Completed): readonly unknown[] {
  return [
    ...listeners.map(({ tls, address }) => `${secretIn(tls)} :${address.port}`),
    ...Object.keys(clusters),
  ];
}

test("until its secrets come, a listener stays as it is, but for routes that do not come with it", async () => {
  const { listeners, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(secured("early", "shop"));
  let served = listeners.complete(a);
  plane("http://a:1").sends(secured("late", "cart"));
  served = listeners.complete(a, served);
  expect(shown(served)).toEqual(["early :1", "cart"]);
  expect(served.awaited).toMatchObject([{ name: "one", tls: { certificates: [{ secret: "late" }] } }]);
  const other = secured("late", "stock");
  plane("http://a:1").sends({ ...other, routes: { ...other.routes, name: "others" } });
  served = listeners.complete(a, served);
  expect(shown(served)).toEqual(["early :1", "cart"]);
  plane("http://a:1").sends(secured("other", "stock"));
  served = listeners.complete(a, served);
  expect(shown(served)).toEqual(["other :1", "stock"]);
  expect(served.awaited).toEqual([]);
});

test("a listener that waits for secrets does not get the routes that have come with the new one", async () => {
  const { listeners, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(secured("early", "shop", { hasOwnRoutes: true }));
  const served = listeners.complete(a);
  plane("http://a:1").sends(secured("late", "cart", { hasOwnRoutes: true }));
  expect(shown(listeners.complete(a, served))).toEqual(["early :1", "shop"]);
});

test("one that moves to an address that is taken stays where it is (defect: was)", async () => {
  const { listeners, plane } = bench();
  await listeners.begin(a);
  plane("http://a:1").sends(listener("one", 1), listener("two", 2));
  let served = listeners.complete(a);
  plane("http://a:1").sends(listener("one", 1), listener("two", 3));
  listeners.complete(a, served);
  const fault = { origin: "local", retryable: false, code: "EADDRINUSE" } as const;
  expect(listeners.refuses({ _tag: "ListenFailed", host: "127.0.0.1", port: 3, ...fault })).toBe(true);
  served = listeners.complete(a, served);
  expect(shown(served)).toEqual(["undefined :1", "undefined :2", "shop"]);
  // An address of another listener.
  plane("http://a:1").sends(listener("one", 1), listener("two", 1));
  expect(shown(listeners.complete(a, served))).toEqual(["undefined :1", "undefined :2", "shop"]);
  plane("http://a:1").sends(listener("one", 1), listener("two", 4));
  expect(shown(listeners.complete(a, served))).toEqual(["undefined :1", "undefined :4", "shop"]);
});

test("a cluster with the name of one of the file is that of the file, which is logged once (defect: was silent)", async () => {
  const said: string[] = [];
  const { listeners, plane } = bench(said);
  const own = { ...a, config: { ...a.config, clusters: { shop: a.config.clusters["shop"] } } } as Loaded;
  const shop = { ...own.config.clusters["shop"], xds: "other" } as Loaded["config"]["clusters"][string];
  const file: Loaded = { ...own, config: { ...own.config, clusters: { shop } } };
  await listeners.begin(file);
  plane("http://a:1").sends(listener("one", 1), listener("two", 2));
  for (let n = 0; n < 2; n++) expect(listeners.complete(file).config.clusters).toEqual({ shop });
  expect(said.map((line) => JSON.parse(line) as object)).toMatchObject([
    {
      level: 40,
      cluster: "shop",
      msg: "cluster of the control plane not used; the file has one with its name",
    },
  ]);
  plane("http://a:1").sends(listener("one", 1, "other"));
  expect(Object.keys(listeners.complete(file).config.clusters)).toEqual(["shop"]);
  expect(said).toHaveLength(1);
});
