import { describe, expect, test } from "vitest";
import { changes, lds, listener, routeConfiguration, routeTo, world } from "@pagoda/xds/testing";
import { cleanUp, connected, said } from "./harness.ts";

cleanUp();

const names = (all: { readonly listeners: readonly { readonly name: string }[] }): readonly string[] =>
  all.listeners.map(({ name }) => name);

/** Settles at the next change. */
function changed(source: { subscribe(run: () => void): () => void }): Promise<void> {
  return new Promise((resolve) => {
    const end = source.subscribe(() => {
      end();
      resolve();
    });
  });
}

test("follows all listeners, and asks for their routes by name", async () => {
  const { plane, client } = await connected();
  const source = client.listeners();
  const stream = await plane.delta.next();
  expect(said(await stream.next())).toEqual({ type: "lds" });
  stream.send(changes("1", [listener("edge", 80, "shop")]));
  expect(said(await stream.next())).toEqual({ type: "lds", nonce: "n1" });
  expect(said(await stream.next())).toEqual({ type: "rds", subscribe: ["shop"] });
  expect(names(source)).toEqual([]);
  expect(source.isAnswered).toBe(false);
  stream.send(changes("2", [routeConfiguration("shop", routeTo("cart"))]));
  expect(said(await stream.next())).toEqual({ type: "rds", nonce: "n2" });
  await source.started;
  expect(source.isAnswered).toBe(true);
  expect(source.listeners).toMatchObject([
    {
      name: "edge",
      address: "127.0.0.1",
      port: 80,
      routes: { name: "shop", virtualHosts: [{ domains: ["*"], routes: [{ cluster: "cart" }] }] },
    },
  ]);
  expect(client.versions).toMatchObject({ lds: "1", rds: "2" });

  stream.send(changes("3", [], { removed: ["edge"], url: lds }));
  expect(said(await stream.next())).toEqual({ type: "lds", nonce: "n3" });
  expect(said(await stream.next())).toEqual({ type: "rds", unsubscribe: ["shop"] });
  expect(names(source)).toEqual([]);
});

test("a listener stays as it is until its other routes come (defect: was away meanwhile)", async () => {
  const { plane, client } = await connected();
  const source = client.listeners();
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [listener("edge", 80, "shop")]));
  for (let n = 0; n < 2; n++) await stream.next();
  stream.send(changes("2", [routeConfiguration("shop", routeTo("cart"))]));
  await stream.next();
  stream.send(changes("3", [listener("edge", 81, "other")]));
  for (let n = 0; n < 2; n++) await stream.next();
  expect(source.listeners).toMatchObject([{ name: "edge", port: 80, routes: { name: "shop" } }]);
  stream.send(changes("4", [routeConfiguration("other", { name: "no action" })]));
  expect(said(await stream.next())).toMatchObject({ nonce: "n4", error: expect.any(String) });
  expect(source.listeners).toMatchObject([{ port: 80, routes: { name: "shop" } }]);
  stream.send(changes("5", [routeConfiguration("other", routeTo("cart"))]));
  await stream.next();
  expect(source.listeners).toMatchObject([{ name: "edge", port: 81, routes: { name: "other" } }]);
});

test("with sotw, a listener that is not listed any more is gone", async () => {
  const { plane, client } = await connected({ protocol: "sotw" });
  const source = client.listeners();
  const stream = await plane.sotw.next();
  expect(said(await stream.next())).toEqual({ type: "lds", version: "", names: [] });
  const routes = { routeSpecifier: { case: "routeConfig", value: routeConfiguration("own") } } as const;
  const edge = listener("edge", 80, "", { manager: routes });
  stream.send(world("1", [edge, listener("other", 81, "", { manager: routes })]));
  expect(said(await stream.next())).toEqual({ type: "lds", nonce: "n1", version: "1", names: [] });
  expect(names(source)).toEqual(["edge", "other"]);
  stream.send(world("2", [edge]));
  expect(said(await stream.next())).toMatchObject({ nonce: "n2" });
  expect(names(source)).toEqual(["edge"]);
});

describe("a resource that is rejected", () => {
  test("keeps its last version, and the others are used", async () => {
    const { plane, client } = await connected();
    const check = ({ port }: { readonly port: number }) => (port === 82 ? ["address is taken"] : []);
    const source = client.listeners({ listener: check });
    const stream = await plane.delta.next();
    await stream.next();
    stream.send(changes("1", [listener("a", 80, "r"), listener("b", 82, "r")]));
    expect(said(await stream.next())).toEqual({
      type: "lds",
      nonce: "n1",
      error: 'lds "b": address is taken',
    });
    expect(said(await stream.next())).toEqual({ type: "rds", subscribe: ["r"] });
    stream.send(changes("2", [routeConfiguration("r", routeTo("cart"))]));
    await stream.next();
    expect(names(source)).toEqual(["a"]);
    stream.send(changes("3", [routeConfiguration("r", { ...routeTo("cart"), action: { case: undefined } })]));
    expect(said(await stream.next()).error).toBe(
      'rds "r": virtual host "all": routes[0].action must be route, redirect or direct_response (missing)',
    );
    expect(source.listeners[0]?.routes.virtualHosts[0]?.routes[0]?.cluster).toBe("cart");
    expect(source.lastError).toMatch(/^lds "b" rejected: address is taken; rds "r" rejected: /);
  });
});

test("routes that do not come within 15 s are empty", async () => {
  const { plane, client, clock } = await connected();
  const source = client.listeners();
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [listener("a", 80, "r")]));
  await stream.next();
  await stream.next();
  clock.advance(15_000);
  await source.started;
  expect(source.listeners).toMatchObject([{ name: "a", routes: { virtualHosts: [] } }]);
  expect(source.lastError).toBe('rds "r" does not exist');
});

test("a control plane that says nothing for 15 s has no listeners", async () => {
  const { plane, client, clock } = await connected();
  const source = client.listeners();
  await (await plane.delta.next()).next();
  clock.advance(15_000);
  await source.started;
  expect(source.isAnswered).toBe(true);
});

test("a disconnection keeps listeners, and says what is known on the next connection", async () => {
  const { plane, client, clock } = await connected();
  const source = client.listeners();
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [listener("a", 80, "r")]));
  await stream.next();
  await stream.next();
  stream.send(changes("2", [routeConfiguration("r", routeTo("cart"))]));
  await stream.next();
  const gone = changed(source);
  stream.end();
  await gone;
  expect(names(source)).toEqual(["a"]);
  expect(source.lastError).toBe("control plane disconnected: stream ended");
  clock.advance(1_000);
  const next = await plane.delta.next();
  expect(said(await next.next())).toEqual({ type: "lds", has: { a: "1" } });
  expect(said(await next.next())).toEqual({ type: "rds", subscribe: ["r"], has: { r: "2" } });
  expect(source.lastError).toBeUndefined();
});

test("one source of listeners at a time", async () => {
  const { client } = await connected();
  client.listeners();
  expect(() => client.listeners()).toThrow("xdsClient: listeners are followed already");
});
