import { once } from "node:events";
import { createServer } from "node:net";
import { callNotes } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import type { Transport } from "@pagoda/transport";
import type { BareOrigin } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, listen, request, textOf } from "./origin.ts";

describe("a stale connection", () => {
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
    // The system has received the close, but it was not read yet.
    await settled();
    await answersAgain(origin, transport.call(request()));
  });

  test("defect: a closing transport did not wait for a resent request", async () => {
    const { origin, transport, socket } = await answered();
    const result = transport.call(request());
    let isClosed = false;
    const closed = transport.close().then(() => (isClosed = true));
    await once(socket, "data");
    socket.end();
    const other = await origin.next();
    await other.head();
    expect(isClosed).toBe(false);
    other.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await closed;
  });

  test("defect: a reset failed a request that had not been sent", async () => {
    const { origin, transport, socket } = await answered();
    socket.resetAndDestroy();
    await answersAgain(origin, transport.call(request()));
  });

  describe("that closes as the next request is sent", () => {
    async function closing() {
      let requests = 0;
      const url = await listen(
        createServer((socket) => {
          socket.on("error", () => {});
          socket.once("data", () => {
            requests++;
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            socket.once("data", () => {
              requests++;
              socket.end();
            });
          });
        }),
        () => {},
      );
      const transport = client(url);
      expect(await textOf(transport.call(request()))).toBe("ok");
      return { transport, requests: () => requests };
    }

    test("a safe request is resent once over another connection", async () => {
      const { transport, requests } = await closing();
      const notes = callNotes();
      expect(await textOf(transport.call({ ...request(), notes }))).toBe("ok");
      expect(requests()).toBe(3);
      expect([notes.tries, transport.describe().state?.["resent"]]).toEqual([2, 1]);
    });

    test.each([
      ["POST", {}],
      ["POST", { body: "a" }],
      ["DELETE", {}],
      ["GET", { body: "a" }],
    ] as const)("%s %j is ConnectionBroken and retryable", async (method, input) => {
      const { transport, requests } = await closing();
      expect(await faultOf(transport.call(request(method, "/", input)))).toMatchObject({
        _tag: "ConnectionBroken",
        retryable: true,
      });
      expect(requests()).toBe(2);
    });
  });

  test("a new connection that closes without an answer is ConnectionBroken", async () => {
    const origin = await bareOrigin();
    const result = client(origin.url).call(request());
    const connection = await origin.next();
    await connection.head();
    connection.socket.end();
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", code: "ENDED" });
    expect(origin.connections).toHaveLength(1);
  });

  test("a connection that has started to answer is ConnectionBroken", async () => {
    const { transport, socket } = await answered();
    const result = transport.call(request());
    await once(socket, "data");
    socket.end("HTTP/1.1 2");
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", code: "ENDED" });
  });
});
