import { once } from "node:events";
import { createServer } from "node:net";
import { settled } from "@pagoda/core/testing";
import type { Transport } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { type BareOrigin, bareOrigin, client, faultOf, listen, request, textOf } from "./origin.ts";

describe("a connection that grew stale", () => {
  async function answered() {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const result = transport.call(request());
    const connection = await origin.next();
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await settled();
    return { origin, transport, socket: connection.socket };
  }

  async function answersAgain(origin: BareOrigin, result: ReturnType<Transport["call"]>) {
    const other = await origin.next();
    await other.head();
    other.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
  }

  test("is replaced when the origin has closed it", async () => {
    const { origin, transport, socket } = await answered();
    const gone = once(socket, "finish");
    socket.end();
    await gone;
    // The system knows of it and nobody has asked: undici looks before it writes.
    await settled();
    await answersAgain(origin, transport.call(request()));
  });

  test("failed a request that had not been sent when it was reset", async () => {
    const { origin, transport, socket } = await answered();
    socket.resetAndDestroy();
    await answersAgain(origin, transport.call(request()));
  });

  test("and closes only on the next request is a broken one, which can be retried", async () => {
    const url = await listen(
      createServer((socket) => {
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
          socket.once("data", () => socket.end());
        });
      }),
      () => {},
    );
    const transport = client(url);
    expect(await textOf(transport.call(request()))).toBe("ok");
    expect(await faultOf(transport.call(request()))).toMatchObject({
      _tag: "ConnectionBroken",
      retryable: true,
    });
  });
});
