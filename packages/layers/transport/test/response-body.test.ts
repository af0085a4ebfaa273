import { once } from "node:events";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import type { BareConnection } from "@pagoda/http/testing";
import { bareOrigin, client, request, responseOf, textOf } from "./origin.ts";

async function answering(...said: readonly string[]) {
  const origin = await bareOrigin();
  const transport = client(origin.url, { idleTimeoutMs: 60_000 });
  const result = transport.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say(...said);
  return { connection, response: await responseOf(result) };
}

const brokenByReset = { _tag: "Left", left: { _tag: "BodyBroken", cause: { code: "ECONNRESET" } } };

/** Resets the connection after the system has taken this text. */
async function reset({ socket }: BareConnection, text: string): Promise<void> {
  await new Promise((resolve) => socket.write(text, resolve));
  socket.resetAndDestroy();
  await once(socket, "close");
}

describe("a response body", () => {
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
});
