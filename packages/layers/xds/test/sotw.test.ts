import { expect, test } from "vitest";
import type { XdsSource } from "@pagoda/xds";
import { type Arrivals, assignment, cds, cluster, type ServerStream, world } from "@pagoda/xds/testing";
import type { DiscoveryRequest } from "../src/generated/discovery_pb.ts";
import { change, cleanUp, connected, keys, said } from "./harness.ts";

cleanUp();

type Stream = ServerStream<DiscoveryRequest>;

async function serve(
  streams: Arrivals<Stream>,
  source: XdsSource,
  ...endpoints: readonly string[]
): Promise<Stream> {
  const stream = await streams.next();
  await stream.next();
  stream.send(world("1", [cluster("shop")]));
  await stream.next();
  await stream.next();
  stream.send(world("2", [assignment("shop", ...endpoints)]));
  await stream.next();
  await source.started;
  return stream;
}

const protocol = "sotw";

test("discovers the endpoints of a cluster", async () => {
  const { plane, client } = await connected({ protocol });
  const source = client.endpoints("shop");
  const stream = await plane.sotw.next();
  const first = await stream.next();
  expect(said(first)).toEqual({ type: "cds", version: "", names: ["shop"] });
  expect(first.node?.id).toBe("test");
  stream.send(world("1", [cluster("other"), cluster("shop")]));
  expect(said(await stream.next())).toEqual({ type: "cds", version: "1", names: ["shop"], nonce: "n1" });
  expect(said(await stream.next())).toEqual({ type: "eds", version: "", names: ["shop"] });
  stream.send(world("2", [assignment("shop", "10.0.0.7:80")]));
  expect(said(await stream.next())).toEqual({ type: "eds", version: "2", names: ["shop"], nonce: "n2" });
  await source.started;
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
});

test("asks with the accepted version after a reconnect", async () => {
  const { plane, client, clock, events } = await connected({ protocol });
  const source = client.endpoints("shop");
  const stream = await serve(plane.sotw, source, "10.0.0.7:80");
  stream.fail("going away");
  await events.until("disconnected, again in 500 ms");
  expect(source.lastError).toBe("control plane disconnected: going away");
  await clock.advance(500);
  const again = await plane.sotw.next();
  expect(said(await again.next())).toEqual({ type: "cds", version: "1", names: ["shop"] });
  expect(said(await again.next())).toEqual({ type: "eds", version: "2", names: ["shop"] });
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
});

test("a cluster that is not among all clusters does not exist", async () => {
  const { plane, client, events } = await connected({ protocol });
  const source = client.endpoints("shop");
  const stream = await serve(plane.sotw, source, "10.0.0.7:80");
  stream.send(world("3", [], cds));
  await events.until("cds shop missing");
  expect(keys(source)).toEqual([]);
});

test("endpoints that a response does not mention stay", async () => {
  const { plane, client } = await connected({ protocol });
  const shop = client.endpoints("shop");
  const stream = await serve(plane.sotw, shop, "10.0.0.7:80");
  const cart = client.endpoints("cart");
  expect(said(await stream.next())).toMatchObject({
    type: "cds",
    version: "1",
    names: ["shop", "cart"],
    nonce: "n1",
  });
  stream.send(world("3", [cluster("shop"), cluster("cart")]));
  await stream.next();
  expect(said(await stream.next())).toMatchObject({ type: "eds", names: ["shop", "cart"], nonce: "n2" });
  stream.send(world("4", [assignment("cart", "10.0.0.8:80")]));
  await cart.started;
  expect([keys(shop), keys(cart)]).toEqual([["10.0.0.7:80"], ["10.0.0.8:80"]]);
});

test("a cluster that does not come within 15 s does not exist", async () => {
  const { plane, client, clock, events } = await connected({ protocol });
  const source = client.endpoints("shop");
  const stream = await plane.sotw.next();
  await stream.next();
  await clock.advance(14_999);
  expect(client.unanswered).toEqual(["shop"]);
  await clock.advance(1);
  expect(events.all).toEqual(["connected", "cds shop missing"]);
  expect(client.unanswered).toEqual([]);
  expect(await source.started).toMatchObject({
    left: { _tag: "ResourceMissing", kind: "cds", name: "shop" },
  });
  // It may still come.
  stream.send(world("1", [cluster("shop")]));
  await stream.next();
  await stream.next();
  const changed = change(source);
  stream.send(world("2", [assignment("shop", "10.0.0.7:80")]));
  await changed;
  expect(source.lastError).toBeUndefined();
});

test("endpoints that do not come within 15 s do not exist", async () => {
  const { plane, client, clock, events } = await connected({ protocol });
  const source = client.endpoints("shop");
  const stream = await plane.sotw.next();
  await stream.next();
  stream.send(world("1", [cluster("shop")]));
  await events.until("cds 1 accepted: 1");
  await clock.advance(15_000);
  expect(await source.started).toMatchObject({
    left: { _tag: "ResourceMissing", kind: "eds", name: "shop" },
  });
});

test("the 15 s begin anew with each connection", async () => {
  const { plane, client, clock, events } = await connected({ protocol });
  client.endpoints("shop");
  const stream = await plane.sotw.next();
  await stream.next();
  await clock.advance(10_000);
  stream.fail("going away");
  await events.until(/^disconnected/);
  await clock.advance(500);
  await (await plane.sotw.next()).next();
  await clock.advance(14_999);
  expect(client.unanswered).toEqual(["shop"]);
});

test("a version that is sent again after its rejection is rejected again only after 1 s, 2 s, up to 30 s", async () => {
  const { plane, client, clock, events } = await connected({ protocol });
  client.endpoints("shop");
  const stream = await plane.sotw.next();
  await stream.next();
  const bad = () => stream.send(world("1", [cluster("shop", { lbPolicy: 99 })]));
  bad();
  expect(said(await stream.next())).toMatchObject({
    type: "cds",
    version: "",
    nonce: "n1",
    error: expect.any(String),
  });
  for (const [at, ms] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
    bad();
    await events.until(/^cds 1 rejected/, at + 2);
    await clock.advance(ms - 1);
    expect(stream.requests.size).toBe(0);
    await clock.advance(1);
    expect(said(await stream.next())).toMatchObject({ type: "cds", nonce: "n1", error: expect.any(String) });
  }
  // Another version is rejected at once, and begins anew.
  stream.send(world("2", [cluster("shop", { lbPolicy: 99 })]));
  expect(said(await stream.next())).toMatchObject({ nonce: "n2", error: expect.any(String) });
  stream.send(world("2", [cluster("shop", { lbPolicy: 99 })]));
  await events.until(/^cds 2 rejected/, 2);
  await clock.advance(999);
  // An acceptance ends the wait.
  stream.send(world("3", [cluster("shop")]));
  expect(said(await stream.next())).toEqual({ type: "cds", version: "3", names: ["shop"], nonce: "n3" });
  await stream.next();
  await clock.advance(60_000);
  expect(stream.requests.size).toBe(0);
});
