import { isRight, left } from "@pagoda/core";
import { expect, test } from "vitest";
import type { XdsSource } from "@pagoda/xds";
import {
  type Arrivals,
  assignment,
  cds,
  changes,
  cluster,
  eds,
  endpoint,
  type ServerStream,
} from "@pagoda/xds/testing";
import type { DeltaDiscoveryRequest } from "../src/generated/discovery_pb.ts";
import { change, cleanUp, connected, keys, said, socketPath } from "./harness.ts";

cleanUp();

type Stream = ServerStream<DeltaDiscoveryRequest>;

/** Serves a cluster with these endpoints and reads the requests that belong to it. */
async function serve(
  streams: Arrivals<Stream>,
  source: XdsSource,
  ...endpoints: readonly string[]
): Promise<Stream> {
  const stream = await streams.next();
  await stream.next();
  stream.send(changes("1", [cluster("shop")]));
  await stream.next();
  await stream.next();
  stream.send(changes("2", [assignment("shop", ...endpoints)]));
  await stream.next();
  await source.started;
  return stream;
}

test("discovers the endpoints of a cluster", async () => {
  const node = { id: "a", cluster: "edge", metadata: { zone: "z1" }, locality: { region: "eu" } };
  const { plane, client, events } = await connected({ node });
  const source = client.endpoints("shop");
  expect(client.unanswered).toEqual(["shop"]);
  const stream = await plane.delta.next();
  const first = await stream.next();
  expect(said(first)).toEqual({ type: "cds", subscribe: ["shop"] });
  expect(first.node).toMatchObject({ ...node, userAgentName: "pagoda" });

  const { edsConfig } = cluster("").edsClusterConfig ?? {};
  stream.send(changes("1", [cluster("shop", { edsClusterConfig: { serviceName: "shop-eds", edsConfig } })]));
  expect(said(await stream.next())).toEqual({ type: "cds", nonce: "n1" });
  const second = await stream.next();
  expect(said(second)).toEqual({ type: "eds", subscribe: ["shop-eds"] });
  expect(second.node).toBeUndefined();
  expect(client.unanswered).toEqual(["shop"]);

  stream.send(changes("2", [assignment("shop-eds", "10.0.0.8:8080", "10.0.0.7:80")]));
  expect(said(await stream.next())).toEqual({ type: "eds", nonce: "n2" });
  expect(isRight(await source.started)).toBe(true);
  expect(source.endpoints).toEqual([
    { key: "http://10.0.0.7:80", address: "10.0.0.7", port: 80, weight: 1 },
    { key: "http://10.0.0.8:8080", address: "10.0.0.8", port: 8080, weight: 1 },
  ]);
  expect(client.unanswered).toEqual([]);
  expect(client.versions).toEqual({ cds: "1", eds: "2", sds: "" });
  expect(events.all).toEqual(["connected", "cds 1 accepted: 1", "eds 2 accepted: 1"]);
  expect(source.state().xds).toMatchObject({
    cluster: "shop",
    versions: { cds: "1", eds: "2" },
    lastError: null,
  });
});

test("follows changes of endpoints without asking again", async () => {
  const { plane, client } = await connected();
  const source = client.endpoints("shop");
  const stream = await serve(plane.delta, source, "10.0.0.7:80");
  const changed = change(source);
  stream.send(changes("3", [assignment("shop", "10.0.0.9:80")]));
  expect(said(await stream.next())).toEqual({ type: "eds", nonce: "n3" });
  await changed;
  expect(keys(source)).toEqual(["10.0.0.9:80"]);
});

test("uses the endpoints listed in a STATIC cluster", async () => {
  const { plane, client } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  const loadAssignment = { endpoints: [{ lbEndpoints: [endpoint("[fd00::7]:80".replace(/[[\]]/g, ""))] }] };
  stream.send(
    changes("1", [cluster("shop", { clusterDiscoveryType: { case: "type", value: 0 }, loadAssignment })]),
  );
  await source.started;
  expect(keys(source)).toEqual(["[fd00::7]:80"]);
});

test("says after a reconnect what it has, and keeps the endpoints meanwhile", async () => {
  const { plane, client, clock, events } = await connected({}, socketPath());
  const source = client.endpoints("shop");
  await serve(plane.delta, source, "10.0.0.7:80");
  await plane.kill();
  await events.until("disconnected, again in 500 ms");
  expect(source.lastError).toMatch(/^control plane disconnected: /);
  expect(keys(source)).toEqual(["10.0.0.7:80"]);

  await plane.listen();
  await clock.advance(500);
  const again = await plane.delta.next();
  expect(said(await again.next())).toEqual({ type: "cds", subscribe: ["shop"], has: { shop: "1" } });
  expect(said(await again.next())).toEqual({ type: "eds", subscribe: ["shop"], has: { shop: "2" } });
  expect(source.lastError).toBeUndefined();
  // A silent control plane has nothing new.
  await clock.advance(60_000);
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
  expect(events.all).not.toContain("cds shop missing");
});

test("subscribes to further clusters and unsubscribes from those of closed sources", async () => {
  const { plane, client } = await connected();
  const source = client.endpoints("shop");
  const same = client.endpoints("shop");
  const stream = await serve(plane.delta, source, "10.0.0.7:80");
  expect(keys(same)).toEqual(["10.0.0.7:80"]);
  const [cart] = [client.endpoints("cart"), client.endpoints("user")];
  expect(said(await stream.next())).toEqual({ type: "cds", subscribe: ["cart", "user"] });
  source.close();
  cart.close();
  expect(said(await stream.next())).toEqual({ type: "cds", unsubscribe: ["cart"] });
  same.close();
  expect(said(await stream.next())).toEqual({ type: "cds", unsubscribe: ["shop"] });
  expect(said(await stream.next())).toEqual({ type: "eds", unsubscribe: ["shop"] });
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
});

test("a cluster that the control plane removes has no endpoints", async () => {
  const { plane, client, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await serve(plane.delta, source, "10.0.0.7:80");
  stream.send(changes("3", [], { removed: ["shop"], url: cds }));
  await events.until("cds shop missing");
  expect(keys(source)).toEqual([]);
  expect(source.lastError).toBe('cds "shop" does not exist');
  expect(said(await stream.next())).toEqual({ type: "cds", nonce: "n3" });
  expect(said(await stream.next())).toEqual({ type: "eds", unsubscribe: ["shop"] });

  stream.send(changes("4", [cluster("shop")]));
  await stream.next();
  expect(said(await stream.next())).toEqual({ type: "eds", subscribe: ["shop"] });
  const changed = change(source);
  stream.send(changes("5", [assignment("shop", "10.0.0.8:80")]));
  await changed;
  expect(keys(source)).toEqual(["10.0.0.8:80"]);
});

test("endpoints that the control plane removes without their cluster stay", async () => {
  const { plane, client, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await serve(plane.delta, source, "10.0.0.7:80");
  stream.send(changes("3", [], { removed: ["shop"], url: eds }));
  await events.until("eds 3 accepted: 0");
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
});

test("a cluster whose endpoints move to another name keeps the old ones until the new ones come", async () => {
  const { plane, client, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await serve(plane.delta, source, "10.0.0.7:80");
  const { edsConfig } = cluster("").edsClusterConfig ?? {};
  stream.send(changes("3", [cluster("shop", { edsClusterConfig: { serviceName: "other", edsConfig } })]));
  await events.until("cds 3 accepted: 1");
  await stream.next();
  expect(said(await stream.next())).toEqual({ type: "eds", subscribe: ["other"], unsubscribe: ["shop"] });
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
  const changed = change(source);
  stream.send(changes("4", [assignment("other", "10.0.0.8:80")]));
  await changed;
  expect(keys(source)).toEqual(["10.0.0.8:80"]);
});

test("a response that nobody asked for is ignored", async () => {
  const { plane, client, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("0", [], { url: "type.googleapis.com/envoy.config.listener.v3.Listener" }));
  stream.send(changes("1", [cluster("shop"), cluster("other", { lbPolicy: 99 })]));
  await events.until("cds 1 accepted: 1");
  expect(said(await stream.next())).toEqual({ type: "cds", nonce: "n1" });
  expect(events.all).toEqual(["connected", "cds 1 accepted: 1"]);
  source.close();
});

test("closing settles what is waiting, and ends the stream", async () => {
  const { plane, client, clock } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  client.close();
  const closed = left({ _tag: "SourceClosed", origin: "local", retryable: false });
  expect(await source.started).toEqual(closed);
  expect(await client.endpoints("cart").started).toEqual(closed);
  await stream.ended;
  expect(clock.pending).toBe(0);
  expect(client.isConnected).toBe(false);
});

test("a version that is sent again after its rejection is rejected again only after 1 s, 2 s (defect: at once)", async () => {
  const { plane, client, clock, events } = await connected();
  client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  const bad = () => stream.send(changes("1", [cluster("shop", { lbPolicy: 99 })]));
  bad();
  expect((await stream.next()).errorDetail).toBeDefined();
  for (const [at, ms] of [1_000, 2_000].entries()) {
    bad();
    await events.until(/^cds 1 rejected/, at + 2);
    await clock.advance(ms - 1);
    expect(stream.requests.size).toBe(0);
    await clock.advance(1);
    expect((await stream.next()).errorDetail).toBeDefined();
  }
  // Another version is answered at once, instead of the rejection that is held back.
  bad();
  await events.until(/^cds 1 rejected/, 4);
  stream.send(changes("2", [cluster("shop")]));
  const accepted = await stream.next();
  expect([accepted.responseNonce, accepted.errorDetail]).toEqual(["n2", undefined]);
  await stream.next();
  await clock.advance(60_000);
  expect(stream.requests.size).toBe(0);
});
