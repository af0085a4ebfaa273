import { createSocket } from "node:dgram";
import { once } from "node:events";
import { seededRandom } from "@pagoda/core/testing";
import { type Answer, decode, encode } from "dns-packet";
import { expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder } from "./configured.ts";
import { type Origin, rawOrigin } from "./origin.ts";

type Random = () => number;

const upTo = (random: Random, most: number): number => Math.floor(random() * most);

function oneOf<T>(random: Random, all: readonly T[]): T {
  return all[upTo(random, all.length)] as T;
}

function bytes(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: upTo(random, most) }, () => upTo(random, 256)));
}

/** An HTTP/2 frame with a correct length and otherwise arbitrary content. */
function frame(random: Random): Buffer {
  const payload = bytes(random, 40);
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = upTo(random, 12);
  head[4] = upTo(random, 256);
  head.writeUInt32BE(oneOf(random, [0, 1, 1, 1, 2, 3, 0xffff_ffff]), 5);
  return Buffer.concat([head, payload]);
}

const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const fields = [
  "content-length: 5\r\n",
  "content-length: -1\r\n",
  "transfer-encoding: chunked\r\n",
  "connection: close\r\n",
  "retry-after: 1e999\r\n",
  "retry-after: Thu, 99 Foo 2026\r\n",
  "grpc-status: x\r\n",
  "trailer: a\r\n",
  ": \r\n",
  "set-cookie: \u0000\r\n",
  "date: \r\n",
  "\r\n",
];

/** A random server response, broken or missing. */
function noise(random: Random): Buffer {
  const some = <T>(make: () => T): T[] => Array.from({ length: upTo(random, 6) }, make);
  switch (upTo(random, 5)) {
    case 0:
      return bytes(random, 200);
    case 1:
      return Buffer.concat([settings, ...some(() => frame(random))]);
    case 2:
      return Buffer.concat([Buffer.from([22, 3, 3, 0, upTo(random, 60)]), bytes(random, 60)]);
    case 3:
      return Buffer.from(
        `HTTP/1.1 ${upTo(random, 1_200)} x\r\n${some(() => oneOf(random, fields)).join("")}`,
      );
    default:
      return Buffer.concat([
        Buffer.from(`HTTP/1.1 200 OK\r\n${some(() => oneOf(random, fields)).join("")}\r\n`, "latin1"),
        bytes(random, 60),
      ]);
  }
}

function noisy(seed: number): Promise<Origin> {
  const random = seededRandom(seed);
  return rawOrigin((socket) => {
    if (random() < 0.3) socket.write(noise(random));
    socket.on("data", () => {
      if (socket.writable) socket.write(noise(random));
      const end = random();
      if (end < 0.4) socket.end();
      else if (end < 0.6) socket.resetAndDestroy();
    });
  });
}

const targets = [
  "10.0.0.1",
  "a b.test",
  "*",
  "-",
  `${"x".repeat(63)}.test`,
  "_",
  "localhost",
  "::1",
  "\u0000.test",
  "%",
];

/** A DNS server whose answers are broken or lead nowhere. */
async function noisyDns(seed: number) {
  const random = seededRandom(seed);
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (message, { address, port }) => {
    asked++;
    const { id = 0, questions = [] } = decode(message);
    const answers = questions.flatMap(({ name, type }): readonly Answer[] => {
      if (type === "A") return [{ name, type, ttl: 0, data: `127.0.0.${upTo(random, 256)}` }];
      if (type === "AAAA") return [{ name, type, ttl: 0, data: oneOf(random, ["::", "::1", "fe80::1"]) }];
      const data = {
        target: oneOf(random, targets),
        port: oneOf(random, [0, 1, 65_535]),
        weight: upTo(random, 3),
      };
      return type === "SRV" ? [{ name, type, ttl: 0, data: { ...data, priority: 0 } }] : [];
    });
    const reply = encode({ type: "response", id, questions, answers });
    // Mostly after its head, or the rest would not be read.
    for (let changes = upTo(random, 3); changes > 0; changes--)
      reply[2 + upTo(random, reply.length - 2)] = upTo(random, 256);
    socket.send(reply, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    get asked() {
      return asked;
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}

test("no worker dies of anything that origins or DNS send", async () => {
  await using http1 = await noisy(1);
  await using http2 = await noisy(2);
  await using secure = await noisy(3);
  using dns = await noisyDns(4);
  using folder = new Folder();
  const often = { interval: "20ms", timeout: "50ms" };
  const servers = [dns.address];
  const shared = { pool: { idleTimeout: "100ms", connectTimeout: "1s" }, outliers: { interval: "50ms" } };
  const clusters = {
    http1: { ...shared, endpoints: [http1.url], check: { type: "http", ...often } },
    http2: { ...shared, endpoints: [http2.url], protocol: "http2", check: { type: "grpc", ...often } },
    secure: {
      ...shared,
      endpoints: [secure.url.replace("http:", "https:")],
      check: { type: "http", ...often },
    },
    dns: { ...shared, dns: { host: "a.test", port: http1.port, servers }, check: { type: "tcp", ...often } },
    srv: { ...shared, srv: { name: "_a._tcp.test", servers, scheme: "https" } },
  };
  const names = Object.keys(clusters);
  const policies = { timeout: "200ms", retry: { attempts: 2 } };
  const routes = names.map((name) => ({ name, match: { path: `/${name}` }, cluster: name, policies }));
  const config = { listeners: [{ ...anywhere, name: "main", routes }], clusters };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "1" });
  for (let round = 0; round < 30; round++) {
    const results = await Promise.allSettled(names.map((name) => call(`${pagoda.url}/${name}`)));
    expect(results).toHaveLength(names.length);
  }
  expect(dns.asked).toBeGreaterThan(0);
  expect(await pagoda.metric("pagoda_worker_restarts_total", { reason: "crash" })).toBe(0);
  expect((await pagoda.admin("/health")).status).toBe(200);
});
