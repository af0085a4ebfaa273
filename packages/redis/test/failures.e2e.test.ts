import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { settled } from "@pagoda/core/testing";
import { type Decision, leased } from "@pagoda/rate-limit";
import { redisLimits } from "@pagoda/redis";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type RedisServer, skipWithoutRedis, startRedis } from "./redis-server.ts";
import { answered, one, rates, watched } from "./watched.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

describe("a server that stops", () => {
  test("leaves no call without an answer, and is used again when it continues", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 200 });
    await next("connected");
    const options = { timeoutMs: 10_000, leaseMs: 0, unreachable: "deny" } as const;
    const store = leased(limits.limit("test"), options)(rates);
    expect(await answered(limits)).toBe(1);
    server.pause();
    expect(await store.take(undefined, performance.now())).toMatchObject({ limit: "global" });
    expect(store.state(0)).toMatchObject({ isReachable: false });
    expect(limits.state()).toMatchObject({ timeouts: 1 });
    server.resume();
    const probe = performance.now() + 100_001;
    let decision: Decision = { limit: "global", retryAfterMs: 1 };
    for (let at = 0; decision !== undefined; at++) {
      decision = await store.take(undefined, probe + at * 100_001);
      await settled();
    }
    expect(store.state(0)).toMatchObject({ isReachable: true });
  });

  test("is given up after a second of silence, and connected to again", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 50 });
    await next("connected");
    server.pause();
    await expect(limits.limit("test").take(one, rates)).rejects.toThrow("no reply within 50 ms");
    expect(await next("disconnected")).toBe("no reply within 1000 ms");
    expect(limits.isConnected).toBe(false);
    // The system accepts connections in its place.
    expect(await next("disconnected")).toBe("not connected within 2000 ms");
    server.resume();
    await next("connected");
    await answered(limits);
  });

  test("keeps a bounded number of commands waiting", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 500 });
    await next("connected");
    server.pause();
    const asked = Array.from({ length: 12_000 }, () =>
      limits
        .limit("test")
        .take(one, rates)
        .catch((error: Error) => error.message),
    );
    const reasons = await Promise.all(asked);
    expect(reasons.filter((reason) => /queue is full/i.test(String(reason)))).toHaveLength(2_000);
  });

  test("grants late what is given back", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 100 });
    await next("connected");
    server.pause();
    await expect(
      limits.limit("test").take({ global: 7, keys: [["a", 1]] }, { ...rates, keyed: rates.global }),
    ).rejects.toThrow("no reply within 100 ms");
    server.resume();
    let left = 0;
    while (left !== 10) {
      await answered(limits);
      left = 1 + (await limits.limit("test").take({ global: 10, keys: [] }, rates)).global.granted;
      limits.limit("test").giveBack({ global: left, keys: [] }, rates);
    }
  });
});

describe("a server that ends", () => {
  test("is connected to again after a restart", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 10_000 });
    await next("connected");
    expect(await answered(limits)).toBe(1);
    await server.kill();
    await next("disconnected");
    await expect(limits.limit("test").take(one, rates)).rejects.toThrow("not connected");
    expect(await next("disconnected")).toMatch(/ECONNREFUSED/);
    await server.restart();
    await next("connected");
    expect(await answered(limits)).toBe(1);
  });

  test("is awaited if it is not there at first", async () => {
    const server = await startRedis();
    await server.kill();
    const { limits, next } = watched({ url: server.url, timeoutMs: 10_000 });
    expect(await next("disconnected")).toMatch(/ECONNREFUSED/);
    await server.restart();
    await next("connected");
    expect(await answered(limits)).toBe(1);
  });

  test("breaks commands in flight at once", async () => {
    const server = await startRedis();
    const { limits, next } = watched({ url: server.url, timeoutMs: 60_000 });
    await next("connected");
    server.pause();
    const asked = Promise.allSettled([limits.limit("test").take(one, rates)]);
    await server.kill();
    expect(await asked).toMatchObject([{ status: "rejected", reason: { message: "connection lost" } }]);
  });
});

test("a slow server is used as long as it answers in time", async () => {
  const server = await startRedis();
  const { limits, next } = watched({ url: server.url, timeoutMs: 10_000 });
  await next("connected");
  await server.command("CLIENT", "PAUSE", "300", "ALL");
  expect((await limits.limit("test").take(one, rates)).global.granted).toBe(1);
  expect(limits.state()).toMatchObject({ timeouts: 0, roundTrips: 2 });
});

/** A server that answers the handshake of the client and then something of its own. */
async function impostor(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", (data) => {
      const isHandshake = /HELLO/.test(String(data));
      if (isHandshake) socket.write("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
      else answer(socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a server that answers nonsense", () => {
  test.each([
    ["another type", "+OK\r\n", "unexpected reply to the script"],
    ["another number", "*2\r\n:1\r\n$3\r\nabc\r\n", "unexpected reply to the script"],
    ["an error", "-OOM command not allowed\r\n", "OOM command not allowed"],
  ])("%s is a failed call", async (_name, reply, message) => {
    const url = await impostor((socket) => socket.write(reply));
    const { limits, next } = watched({ url, timeoutMs: 10_000 });
    await next("connected");
    await expect(limits.limit("test").take(one, rates)).rejects.toThrow(message);
    expect(limits.isConnected).toBe(true);
  });

  test("bytes of another protocol end the connection", async () => {
    const url = await impostor((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const { limits, next } = watched({ url, timeoutMs: 10_000 });
    await next("connected");
    await expect(limits.limit("test").take(one, rates)).rejects.toThrow("connection lost");
    await next("disconnected");
    await next("connected");
  });

  test("a server of another protocol is never connected", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { limits, next } = watched({ url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await next("disconnected");
    await next("disconnected");
    expect(limits.isConnected).toBe(false);
  });
});

describe("a password", () => {
  const protect = (): Promise<RedisServer> => startRedis("--requirepass", "swordfish");

  test("that is right is used, from the URL or the option", async () => {
    const { url, port } = await protect();
    for (const options of [{ url, password: "swordfish" }, { url: `redis://:swordfish@127.0.0.1:${port}` }]) {
      const { limits, next } = watched({ ...options, timeoutMs: 10_000 });
      await next("connected");
      await answered(limits);
    }
  });

  test("that is wrong is reported without being shown", async () => {
    const { url } = await protect();
    const { limits, next } = watched({ url, password: "carp" });
    const reason = await next("disconnected");
    expect(reason).toMatch(/WRONGPASS/);
    expect(reason).not.toMatch(/carp|swordfish/);
    expect(limits.isConnected).toBe(false);
  });
});

test("close ends the connection, also while it is being established", async () => {
  const server = await startRedis();
  const early = redisLimits({ url: server.url });
  early.close();
  const { limits, next } = watched({ url: server.url });
  await next("connected");
  limits.close();
  await expect(limits.limit("test").take(one, rates)).rejects.toThrow("not connected");
  const count = async (): Promise<number> =>
    String(await server.command("CLIENT", "LIST", "TYPE", "normal"))
      .trim()
      .split("\n").length;
  // Only the connection that asks.
  while ((await count()) > 1);
});

test("a connection that breaks halfway is replaced", async () => {
  const server = await startRedis();
  const sockets: Socket[] = [];
  const link = createServer((socket) => {
    const origin = connect(server.port, "127.0.0.1");
    for (const end of [socket, origin]) end.on("error", () => {});
    socket.pipe(origin).pipe(socket);
    sockets.push(socket, origin);
  }).listen(0, "127.0.0.1");
  await once(link, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    link.close();
  });
  const { limits, next } = watched({
    url: `redis://127.0.0.1:${(link.address() as AddressInfo).port}`,
    timeoutMs: 10_000,
  });
  await next("connected");
  await answered(limits);
  for (const socket of sockets.splice(0)) socket.destroy();
  await next("disconnected");
  await next("connected");
  expect(await answered(limits)).toBe(1);
});
