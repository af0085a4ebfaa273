import { once } from "node:events";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, type Connection, request, responseOf, textOf, untilIdle } from "./origin.ts";

async function answering(...said: readonly string[]) {
  const origin = await bareOrigin();
  const transport = client(origin.url, { idleTimeoutMs: 60_000 });
  const result = transport.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say(...said);
  return { transport, connection, response: await responseOf(result) };
}

const brokenByReset = { _tag: "Left", left: { _tag: "BodyBroken", cause: { code: "ECONNRESET" } } };

/** Resets the connection after the system has taken this text. */
async function reset({ socket }: Connection, text: string): Promise<void> {
  await new Promise((resolve) => socket.write(text, resolve));
  socket.resetAndDestroy();
  await once(socket, "close");
}

describe("a response body", () => {
  test.each([
    ["with a Content-Length", ["Content-Length: 9", "", "half"]],
    ["in chunks", ["Transfer-Encoding: chunked", "", "4", "half", ""]],
    ["in chunks, within one", ["Transfer-Encoding: chunked", "", "9", "half"]],
  ])("%s is broken when the origin dies", async (_, said) => {
    for (const die of ["end", "resetAndDestroy"] as const) {
      const { transport, connection, response } = await answering("HTTP/1.1 200 OK", ...said);
      connection.socket[die]();
      expect(await response.body.text()).toMatchObject({
        _tag: "Left",
        left: { _tag: "BodyBroken", origin: "upstream" },
      });
      await untilIdle(transport);
    }
  });

  test("defect: one that ends with its connection was complete after a reset", async () => {
    const { connection, response } = await answering("HTTP/1.1 200 OK", "", "half");
    const first = Promise.withResolvers<void>();
    const whole = new Promise((resolve) => {
      const write = (): boolean => {
        first.resolve();
        return true;
      };
      response.body.pipe({ write, end: () => resolve("complete"), fail: resolve });
    });
    await first.promise;
    connection.socket.resetAndDestroy();
    expect(await whole).toMatchObject({ _tag: "BodyBroken", cause: { errno: expect.any(Number) as number } });
  });

  test("defect: one that ends with its connection was complete after a reset that came while it was paused", async () => {
    const { connection, response } = await answering("HTTP/1.1 200 OK", "", "");
    await reset(connection, "x".repeat(100_000));
    expect(await response.body.text()).toMatchObject(brokenByReset);
  });

  test("defect: one that ends with its connection was complete when an upload took note of the reset", async () => {
    const origin = await bareOrigin();
    const result = client(origin.url).call(request("POST", "/", { body: Buffer.alloc(20_000_000) }));
    const connection = await origin.next();
    await connection.head();
    connection.socket.pause();
    connection.say("HTTP/1.1 200 OK", "", "");
    const { body } = await responseOf(result);
    await reset(connection, "x".repeat(100_000));
    for (let turn = 0; turn < 100; turn++) await settled();
    expect(await body.text()).toMatchObject(brokenByReset);
  });

  test("that ends with its connection is complete although the origin does not read the upload", async () => {
    const origin = await bareOrigin();
    const result = client(origin.url).call(request("POST", "/", { body: Buffer.alloc(20_000_000) }));
    const connection = await origin.next();
    await connection.head();
    connection.socket.pause();
    connection.say("HTTP/1.1 200 OK", "", "whole");
    connection.socket.end();
    expect(await textOf(result)).toBe("whole");
  });

  test("is broken when the origin falls silent, but not when the reader pauses", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { idleTimeoutMs: 20 });
    const results = [transport.call(request()), transport.call(request())];
    for (let i = 0; i < 2; i++) {
      const connection = await origin.next();
      await connection.head();
      connection.say("HTTP/1.1 200 OK", "Content-Length: 200000", "", "x".repeat(i === 0 ? 4 : 200_000));
    }
    const bodies = (await Promise.all(results.map(responseOf))).map(({ body }) => body);
    const [silent, unread] = bodies;
    expect(await silent?.text()).toMatchObject({ left: { cause: { code: "IDLE_TIMEOUT" } } });
    expect(await unread?.bytes()).toMatchObject({ _tag: "Right" });
    await untilIdle(transport);
  });

  test("that is cancelled closes the connection", async () => {
    const { transport, connection, response } = await answering(
      "HTTP/1.1 200 OK",
      "Content-Length: 9",
      "",
      "half",
    );
    response.body.cancel();
    await connection.closed;
    await untilIdle(transport);
  });

  test("defect: could not be resumed within the end of another", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const results = [transport.call(request()), transport.call(request())];
    const connections = [await origin.next(), await origin.next()];
    for (const connection of connections) await connection.head();
    connections[0]?.say("HTTP/1.1 200 OK", "Content-Length: 8", "", "long");
    connections[1]?.say("HTTP/1.1 200 OK", "Content-Length: 300000", "", "x".repeat(300_000));
    const [first, second] = (await Promise.all(results.map(responseOf))).map(({ body }) => body);
    // The second is paused until its reader resumes at the end of the first.
    const rest = new Promise((resolve) => {
      first?.pipe({ write: () => true, end: () => resolve(second?.bytes()), fail: resolve });
    });
    for (let turn = 0; turn < 100; turn++) await settled();
    connections[0]?.say("last");
    expect(await rest).toMatchObject({ _tag: "Right", right: { length: 300_000 } });
  });
});
