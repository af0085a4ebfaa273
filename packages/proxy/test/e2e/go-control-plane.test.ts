import { virtualClock } from "@pagoda/core/testing";
import { xdsClient, type XdsOptions } from "@pagoda/xds";
import { describe, expect, onTestFinished, test } from "vitest";
import { buildsGoControlPlane, GoControlPlane, type GoSnapshot, skipWithoutGo } from "./go-control-plane.ts";

buildsGoControlPlane();

const cds = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const eds = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const sds = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

function clientOf(plane: GoControlPlane, protocol: "delta" | "sotw", options: Partial<XdsOptions> = {}) {
  const client = xdsClient({ server: plane.url, node: { id: "test" }, protocol, ...options });
  onTestFinished(() => client.close());
  return client;
}

function shop(version: string, ...addresses: readonly string[]): GoSnapshot {
  return { version, clusters: { shop: { endpoints: addresses.map((address) => ({ address })) } } };
}

describe.each(["delta", "sotw"] as const)("go-control-plane, %s", (protocol) => {
  test("ACKs what it accepts and follows changes", async ({ skip }) => {
    skipWithoutGo(skip);
    await using plane = await new GoControlPlane().listen();
    await plane.serve(shop("1", "10.0.0.7:80"));
    const source = clientOf(plane, protocol).endpoints("shop");
    await source.started;
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.7:80"]);
    for (const type of [cds, eds])
      await plane.request((request) => request.type === type && request.nonce !== "");
    const changed = new Promise<void>((resolve) => source.subscribe(resolve));
    await plane.serve(shop("2", "10.0.0.8:80", "10.0.0.9:80"));
    await changed;
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.8:80", "http://10.0.0.9:80"]);
    expect(plane.requests.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  test("NACKs what it cannot use, once, keeps the last, and takes the next", async ({ skip }) => {
    skipWithoutGo(skip);
    await using plane = await new GoControlPlane().listen();
    await plane.serve(shop("1", "10.0.0.7:80"));
    const clock = virtualClock();
    const twice = Promise.withResolvers<void>();
    let rejected = 0;
    const observer = {
      rejected() {
        rejected++;
        if (rejected === 2) twice.resolve();
      },
    };
    const source = clientOf(plane, protocol, { clock, observer }).endpoints("shop");
    await source.started;
    const endpoints = [{ address: "10.0.0.8:80", priority: 1 }];
    await plane.serve({ version: "2", clusters: { shop: { endpoints } } });
    const nack = await plane.request(({ error }) => error !== undefined);
    expect(nack).toMatchObject({ type: eds, error: 'eds "shop": endpoints[0].priority must be 0 (got 1)' });
    // The state of the world is sent again at once, and rejected again only after a while.
    if (protocol === "sotw") await twice.promise;
    expect(plane.requests.filter(({ error }) => error !== undefined)).toHaveLength(1);
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.7:80"]);
    const changed = new Promise<void>((resolve) => source.subscribe(resolve));
    await plane.serve(shop("3", "10.0.0.9:80"));
    // It answers the rejection that is held back.
    if (protocol === "sotw") await clock.advance(1_000);
    await changed;
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.9:80"]);
    expect(source.lastError).toBeUndefined();
  });

  test("continues after the control plane was killed and has started again", async ({ skip }) => {
    skipWithoutGo(skip);
    await using plane = await new GoControlPlane().listen();
    await plane.serve(shop("1", "10.0.0.7:80"));
    const { promise: disconnected, resolve } = Promise.withResolvers<void>();
    const observer = { disconnected: () => resolve() };
    const source = clientOf(plane, protocol, { observer }).endpoints("shop");
    await source.started;
    await plane.kill();
    await disconnected;
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.7:80"]);
    await plane.listen();
    const changed = new Promise<void>((resolve) => source.subscribe(resolve));
    await plane.serve(shop("2", "10.0.0.8:80"));
    await changed;
    expect(source.endpoints.map(({ key }) => key)).toEqual(["http://10.0.0.8:80"]);
  });

  test("a cluster that is not in the snapshot any more has no endpoints", async ({ skip }) => {
    skipWithoutGo(skip);
    await using plane = await new GoControlPlane().listen();
    await plane.serve(shop("1", "10.0.0.7:80"));
    const source = clientOf(plane, protocol).endpoints("shop");
    await source.started;
    const changed = new Promise<void>((resolve) => source.subscribe(resolve));
    await plane.serve({ version: "2", clusters: {} });
    await changed;
    expect(source.endpoints).toEqual([]);
    expect(source.lastError).toBe('cds "shop" does not exist');
  });
});

describe.each([
  ["delta", "ads"],
  ["sotw", "ads"],
  ["delta", "sds"],
  ["sotw", "sds"],
] as const)("secrets of go-control-plane, %s, %s", (protocol, service) => {
  test("are followed, NACKed if they are of no use, and kept", async ({ skip }) => {
    skipWithoutGo(skip);
    await using plane = await new GoControlPlane().listen();
    const secret = (key: string) => ({ certificate: "chain", key });
    const serve = (version: string, key: string) =>
      plane.serve({ version, clusters: {}, secrets: { web: secret(key), mesh: { authorities: "roots" } } });
    await serve("1", "one");
    const client = clientOf(plane, protocol, { service });
    const web = client.secret("web", (given) =>
      given.type === "certificate" && given.key === "bad" ? ["private_key is bad"] : [],
    );
    const mesh = client.secret("mesh");
    await Promise.all([web.started, mesh.started]);
    expect(web.secret).toEqual({ type: "certificate", ...secret("one") });
    expect(mesh.secret).toEqual({ type: "authorities", ca: "roots" });
    const changed = new Promise<void>((resolve) => web.subscribe(resolve));
    await serve("2", "two");
    await changed;
    expect(web.secret).toEqual({ type: "certificate", ...secret("two") });
    await serve("3", "bad");
    const nack = await plane.request(({ error }) => error !== undefined);
    expect(nack).toMatchObject({ type: sds, error: 'sds "web": private_key is bad' });
    expect(web.secret).toEqual({ type: "certificate", ...secret("two") });
    expect(web.lastError).toBe('sds "web" rejected: private_key is bad');
    await plane.kill();
    await plane.listen();
    await serve("4", "four");
    // With `delta` the version is that of the resource, which go-control-plane makes from its contents.
    while (JSON.stringify(web.secret)?.includes("four") !== true)
      await new Promise<void>((resolve) => web.subscribe(resolve));
    expect(web.lastError).toBeUndefined();
    expect(web.secret).toEqual({ type: "certificate", ...secret("four") });
  });
});
