import { createServer } from "node:net";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { bind, type SocketHandle, Sockets, socketsOf } from "../../src/control/sockets.ts";
import type { ListenerConfig } from "../../src/config/schema/config.ts";
import { listen } from "../e2e/origin.ts";

const sockets = (count: number): SocketHandle[] =>
  Array.from({ length: count }, () => ({ getsockname: () => 0, close() {} }));

const listener = (name: string, port: number): ListenerConfig =>
  ({ name, address: { host: "127.0.0.1", port } }) as ListenerConfig;

describe("socketsOf", () => {
  test.each([
    [1, 1],
    [2, 2],
    [2, 5],
    [5, 2],
    [3, 1],
  ])("leaves none of %i workers and %i sockets unassigned", (workers, count) => {
    const all = sockets(count);
    const each = Array.from({ length: workers }, (_, worker) => socketsOf(worker, workers, all));
    expect(each.every((own) => own.length > 0)).toBe(true);
    expect(new Set(each.flat()).size).toBe(count);
  });
});

describe("Sockets", () => {
  test("opens one socket per worker on the same port and keeps them over reloads", async () => {
    const open = new Sockets(3);
    const first = await open.prepare([listener("one", 0)]);
    if (isLeft(first)) throw first.left.cause;
    open.use(first.right);
    const bound = [...first.right.values()].flat().map((socket) => {
      const into: { port?: number } = {};
      socket.getsockname(into);
      return into.port;
    });
    expect(bound).toHaveLength(3);
    expect(new Set(bound).size).toBe(1);
    const second = await open.prepare([listener("one", 0), listener("two", 0)]);
    if (isLeft(second)) throw second.left.cause;
    expect([...second.right.values()][0]).toBe([...first.right.values()][0]);
    open.use(second.right);
    open.close();
  });

  test("changes nothing when an address is unavailable, and reports it with the reason", async () => {
    await using taken = await listen(createServer());
    const open = new Sockets(2);
    expect(await open.prepare([listener("one", 0), listener("two", taken.port)])).toMatchObject({
      _tag: "Left",
      left: { _tag: "ListenFailed", host: "127.0.0.1", port: taken.port, code: "EADDRINUSE" },
    });
    expect(open.open.size).toBe(0);
  });

  test("reports a host without an address", async () => {
    expect(await bind({ host: "nowhere.invalid", port: 0 }, { shared: false })).toMatchObject({
      _tag: "Left",
      left: { code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) },
    });
  });
});
