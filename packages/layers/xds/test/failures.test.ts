import { create } from "@bufbuild/protobuf";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { createSecureServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { testAuthority } from "@pagoda/http/testing";
import { onTestFinished, expect, test } from "vitest";
import { xdsClient } from "@pagoda/xds";
import { AggregatedDiscoveryService, DeltaDiscoveryResponseSchema } from "../src/generated/discovery_pb.ts";
import { assignment, changes, cluster, ServerStream } from "@pagoda/xds/testing";
import { cleanUp, connected, keys } from "./harness.ts";

cleanUp();

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a control plane that is away is asked again after 0.5 s, 1 s, up to 15 s", async () => {
  const { plane, client, clock, events } = await connected();
  await plane.kill();
  const source = client.endpoints("shop");
  for (const [at, ms] of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
    await events.until(/^disconnected/, at + 1);
    expect(events.all.at(-1)).toBe(`disconnected, again in ${ms} ms`);
    await clock.advance(ms);
  }
  expect(await source.started).toMatchObject({
    left: { _tag: "ControlPlaneDisconnected", server: plane.url },
  });
  expect(client.unanswered).toEqual(["shop"]);
  // It waits for nothing that it could not ask for.
  expect(events.all).not.toContain("cds shop missing");
});

test("random numbers lengthen the wait up to twice", async () => {
  const { plane, client, events } = await connected({ random: () => 0.999 });
  await plane.kill();
  client.endpoints("shop");
  await events.until("disconnected, again in 999.5 ms");
});

test("the wait begins anew after an answer", async () => {
  const { plane, client, clock, events } = await connected();
  client.endpoints("shop");
  for (const ms of [500, 1_000]) {
    (await plane.delta.next()).fail("not now");
    await events.until(`disconnected, again in ${ms} ms`);
    await clock.advance(ms);
  }
  const stream = await plane.delta.next();
  stream.send(changes("1", [cluster("shop")]));
  await events.until("cds 1 accepted: 1");
  stream.end();
  await events.until("disconnected, again in 500 ms", 2);
});

test("a control plane that accepts connections and says nothing does not settle anything", async () => {
  const server = await listening(createServer());
  const { client, clock, events } = await connected({ server });
  const source = client.endpoints("shop");
  await events.until("connected");
  await clock.advance(14_999);
  expect(client.unanswered).toEqual(["shop"]);
  await clock.advance(1);
  expect(await source.started).toMatchObject({ left: { _tag: "ResourceMissing" } });
});

test("a control plane that talks nonsense is left, and asked again", async () => {
  const server = await listening(
    createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\nnonsense")),
  );
  const { client, clock, events } = await connected({ server });
  client.endpoints("shop");
  await events.until("disconnected, again in 500 ms");
  await clock.advance(500);
  await events.until("disconnected, again in 1000 ms");
});

test("a response that cannot be decoded ends the stream and changes nothing", async () => {
  const { plane, client, clock, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  stream.send(changes("1", [cluster("shop")]));
  stream.send(changes("2", [assignment("shop", "10.0.0.7:80")]));
  await source.started;
  const broken = create(DeltaDiscoveryResponseSchema, changes("3", []));
  // Field 2 of a response must be a message.
  broken.$unknown = [{ no: 2, wireType: 2, data: Uint8Array.of(3, 0xff, 0xff, 0xff) }];
  stream.send(broken);
  await events.until(/^disconnected/);
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
  await clock.advance(500);
  expect((await (await plane.delta.next()).next()).initialResourceVersions).toEqual({ shop: "1" });
});

test("connects over TLS with a client certificate, and only to the right server", async () => {
  const authority = testAuthority();
  const other = testAuthority("other");
  const [own, clients] = [
    authority.issue({ names: "DNS:plane.test" }),
    authority.issue({ subject: "CN=pagoda" }),
  ];
  const streams: string[] = [];
  const server = createSecureServer(
    { cert: own.certificate, key: own.key, ca: authority.ca, requestCert: true, allowHTTP1: false },
    connectNodeAdapter({
      routes: (router) => {
        router.service(AggregatedDiscoveryService, {
          deltaAggregatedResources: (requests) => {
            const stream = new ServerStream(requests);
            streams.push("opened");
            stream.send(changes("1", [cluster("shop")]));
            stream.send(changes("2", [assignment("shop", "10.0.0.7:80")]));
            return stream.answers();
          },
        });
      },
    }),
  );
  const url = (await listening(server)).replace("http:", "https:");
  const tls = {
    ca: authority.ca,
    certificate: clients.certificate,
    key: clients.key,
    servername: "plane.test",
  };
  const { client } = await connected({ server: url, tls });
  const source = client.endpoints("shop");
  await source.started;
  expect(keys(source)).toEqual(["10.0.0.7:80"]);

  for (const wrong of [
    { ...tls, ca: other.ca },
    { ...tls, servername: "other.test" },
  ]) {
    const { client: refused, events } = await connected({ server: url, tls: wrong });
    refused.endpoints("shop");
    await events.until(/^disconnected/);
  }
  expect(streams).toEqual(["opened"]);
});

test.each([
  [
    { server: "plane:15010" },
    'xdsClient: server must be http://HOST:PORT, https://HOST:PORT or unix:///PATH (got "plane:15010")',
  ],
  [{ server: "http://plane:15010/x" }, /^xdsClient: server must be/],
  [{ node: { id: "" } }, 'xdsClient: node.id must be a name (got "")'],
  [{ server: "unix://relative" }, /^xdsClient: server must be/],
  [{ service: "lds" as "sds" }, 'xdsClient: service must be "ads" or "sds" (got "lds")'],
  [{ protocol: "rest" as "delta" }, 'xdsClient: protocol must be "delta" or "sotw" (got "rest")'],
])("rejects %j", (wrong, message) => {
  expect(() => xdsClient({ server: "http://plane:15010", node: { id: "a" }, ...wrong })).toThrow(message);
});
