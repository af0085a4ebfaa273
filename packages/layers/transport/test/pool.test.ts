import { isReady, oneshot } from "@pagoda/core";
import { bodyFrom } from "@pagoda/http";
import type { BareOrigin } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** A request sent in chunks. */
const withTrailers = () => request("POST", "/", { body: bodyFrom(["a"]), headers: { Trailer: "X-A" } });
const ok = ["HTTP/1.1 200 OK", "Content-Length: 2", "", "ok"];

async function answerNext(origin: BareOrigin): Promise<void> {
  const connection = await origin.next();
  const head = await connection.head();
  if (head.includes("Trailer")) await connection.until("0\r\n\r\n");
  connection.say(...ok);
}

describe("the pool", () => {
  test("sequential calls share a connection", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const first = transport.call(request());
    const connection = await origin.next();
    for (let call = 0; call < 20; call++) {
      const result = call === 0 ? first : transport.call(request("GET", `/${call}`));
      await connection.head();
      connection.say(...ok);
      expect(await textOf(result)).toBe("ok");
    }
    expect(origin.connections).toHaveLength(1);
    expect(transport.describe().state).toEqual({
      inFlight: 0,
      waiting: 0,
      connections: 1,
      idle: 1,
      resent: 0,
    });
  });

  test("opens one connection per concurrent call, up to the limit", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { maxConnections: 3 });
    const results = [transport.call(request()), transport.call(request()), transport.call(withTrailers())];
    const fault = {
      _tag: "PoolExhausted",
      origin: "local",
      retryable: true,
      upstream: origin.url,
      maxConnections: 3,
    };
    for (const one of [request(), withTrailers()]) expect(await faultOf(transport.call(one))).toEqual(fault);
    for (let i = 0; i < 3; i++) await answerNext(origin);
    for (const result of results) expect(await textOf(result)).toBe("ok");
    await untilIdle(transport);
    expect(origin.connections).toHaveLength(3);
    expect(transport.describe().state).toMatchObject({ connections: 3, idle: 3 });
  });

  test("waiters are woken in order as slots become free", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { maxConnections: 1 });
    expect(transport.ready()).toBeUndefined();
    const first = transport.call(request());
    expect(isReady(transport)).toBe(false);
    const waiting = transport.ready();
    const second = oneshot(transport, request("GET", "/second"));
    const connection = await origin.next();
    await connection.head();
    connection.say(...ok);
    expect(await textOf(first)).toBe("ok");
    await waiting;
    expect(await connection.head()).toMatch(/^GET \/second /);
    connection.say(...ok);
    expect(await textOf(second as ReturnType<typeof transport.call>)).toBe("ok");
    await untilIdle(transport);
    expect(transport.ready()).toBeUndefined();
  });

  test("a slot is held until the body has ended", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { maxConnections: 1 });
    const result = transport.call(request());
    const connection = await origin.next();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "o");
    const { body } = await responseOf(result);
    expect(isReady(transport)).toBe(false);
    connection.say("k");
    await body.text();
    expect(isReady(transport)).toBe(true);
  });

  test("a connection the origin wants closed is not reused", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    for (let call = 0; call < 3; call++) {
      const result = transport.call(request());
      const connection = await origin.next();
      await connection.head();
      connection.say("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 2", "", "ok");
      expect(await textOf(result)).toBe("ok");
      await connection.closed;
    }
    expect(transport.describe().state).toMatchObject({ connections: 0, idle: 0 });
  });

  test("an idle connection is closed after keepAliveMs", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { keepAliveMs: 20 });
    const results = [transport.call(request()), transport.call(withTrailers())];
    for (const result of results) {
      await answerNext(origin);
      await textOf(result);
    }
    for (const { closed } of origin.connections) await closed;
    await untilIdle(transport);
  });

  test("defect: close, which lets calls in flight finish, left an unhandled rejection", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const results = [transport.call(request()), transport.call(request())];
    const connections = [await origin.next(), await origin.next()];
    const closed = transport.close();
    for (const connection of connections) {
      await connection.head();
      connection.say(...ok);
    }
    for (const result of results) expect(await textOf(result)).toBe("ok");
    await closed;
    for (const connection of connections) await connection.closed;
    expect(transport.describe().state).toMatchObject({ inFlight: 0, connections: 0 });
  });
});
