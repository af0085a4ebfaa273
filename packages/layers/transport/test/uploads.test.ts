import { getEventListeners } from "node:events";
import { settled } from "@pagoda/core/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Given } from "./given.ts";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** A request whose body the test gives, and which may have trailers. */
function trailing(body = new Given()) {
  return request("POST", "/", { body, headers: { Trailer: "X-Sum" } });
}

async function bench(options = {}, signal?: AbortSignal) {
  const origin = await bareOrigin();
  const transport = client(origin.url, options);
  const body = new Given();
  const result = transport.call(trailing(body), signal);
  const connection = await origin.next();
  await connection.head();
  return { origin, transport, result, connection, body };
}

/** From now on the transport's time passes when the test says so: it does not depend on how busy the machine is. */
function virtualTime(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  return (ms) => void vi.advanceTimersByTime(ms);
}

/** Waits as long as the idle time of `transport`, which the machine measures, by having another call run into it. */
async function untilIdleTimedOut({ origin, transport }: Awaited<ReturnType<typeof bench>>) {
  const late = transport.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
  expect(await (await responseOf(late)).body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
}

describe("an upload", () => {
  test("connections are reused, and counted", async () => {
    const { origin, transport, result, connection, body } = await bench();
    body.all();
    await connection.until("0\r\n\r\n");
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await untilIdle(transport);
    expect(transport.describe().state).toMatchObject({ connections: 1, idle: 1 });
    const again = transport.call(trailing());
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 0", "", "");
    await responseOf(again);
    expect(origin.connections).toHaveLength(1);
  });

  test("a refused connection is ConnectFailed", async () => {
    const transport = client("http://127.0.0.1:1");
    const { _tag, ...fault } = await faultOf(transport.call(trailing()));
    expect({ _tag, ...fault }).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      code: "ECONNREFUSED",
    });
    await untilIdle(transport);
  });

  test.each([
    ["that changes the protocol left the call without an answer", "101 Switching Protocols"],
    ["with a status below 100 was handed on", "050 What"],
  ])("a response %s", async (_, status) => {
    const { transport, result, connection } = await bench();
    connection.say(`HTTP/1.1 ${status}`, "Connection: upgrade", "Upgrade: x", "", "");
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream" });
    await untilIdle(transport);
  });

  test("a client that uploads slowly timed out the origin", async () => {
    const pass = virtualTime();
    const one = await bench({ headersTimeoutMs: 50 });
    // So much that the origin takes a while, which is timed; that it has taken it is the end of that.
    await one.body.give(Buffer.alloc(4_194_304));
    expect(one.body.pauses).toBe(1);
    pass(1_000);
    one.body.all();
    one.connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(one.result)).toBe("ok");
  });

  test("defect: a body at hand that the origin takes slowly timed out the origin", async () => {
    const pass = virtualTime();
    const origin = await bareOrigin();
    const body = Buffer.alloc(64_000_000);
    const result = client(origin.url, { headersTimeoutMs: 400 }).call(request("POST", "/", { body }));
    const { socket } = await origin.next();
    let got = 0;
    socket.removeAllListeners("data").on("data", (text: string) => {
      got += text.length;
      if (got > body.length) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    for (let most = 8_000_000; most < body.length; most += 8_000_000) {
      while (got < most) await settled();
      socket.pause();
      pass(100);
      socket.resume();
    }
    expect(await textOf(result)).toBe("ok");
  });

  test("an upload that went on after the response's head timed out its body", async () => {
    const pass = virtualTime();
    const one = await bench({ headersTimeoutMs: 50 });
    one.connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "o");
    const { body } = await responseOf(one.result);
    await one.body.give("a");
    one.body.all();
    pass(1_000);
    one.connection.say("k");
    expect(await body.text()).toEqual({ _tag: "Right", right: "ok" });
  });

  test("a response before the upload's end stops the upload and frees the slot", async () => {
    const { transport, result, connection, body } = await bench();
    await body.give("a");
    connection.say("HTTP/1.1 413 Content Too Large", "Content-Length: 2", "", "no");
    expect(await textOf(result)).toBe("no");
    await body.stopped;
    await connection.closed;
    await untilIdle(transport);
  });

  test("an abort closes the connection and stops the upload", async () => {
    const controller = new AbortController();
    const { transport, result, connection, body } = await bench({}, controller.signal);
    await body.give("a");
    controller.abort(new Error("enough"));
    expect(await faultOf(result)).toMatchObject({ _tag: "Aborted", cause: { message: "enough" } });
    await body.stopped;
    await connection.closed;
    await untilIdle(transport);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("an upload that breaks reaches the origin as a broken one", async () => {
    const { transport, result, connection, body } = await bench();
    await body.give("a");
    body.break();
    expect(await faultOf(result)).toMatchObject({ _tag: "Aborted", cause: { _tag: "BodyBroken" } });
    await connection.closed;
    expect(connection.text).not.toContain("0\r\n");
    await untilIdle(transport);
  });

  test.each([
    ["length", ["Content-Length: 9", "", "half"]],
    ["chunks", ["Transfer-Encoding: chunked", "", "4", "half", ""]],
  ])("an origin that dies in a body with a %s breaks it", async (_, said) => {
    const { transport, result, connection, body } = await bench();
    body.all();
    connection.say("HTTP/1.1 200 OK", ...said);
    const response = await responseOf(result);
    connection.socket.end();
    expect(await response.body.text()).toMatchObject({ _tag: "Left", left: { _tag: "BodyBroken" } });
    await untilIdle(transport);
  });

  test("an origin that falls silent in a body breaks it", async () => {
    const { result, connection, body, transport } = await bench({ idleTimeoutMs: 50 });
    body.all();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
    expect(await (await responseOf(result)).body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
    await untilIdle(transport);
  });

  test("a reader that takes a break longer than the idle time found its body broken", async () => {
    const one = await bench({ idleTimeoutMs: 50 });
    one.body.all();
    one.connection.say("HTTP/1.1 200 OK", "Content-Length: 200000", "", "x".repeat(200_000));
    const { body } = await responseOf(one.result);
    await untilIdleTimedOut(one);
    expect(await body.bytes()).toMatchObject({ _tag: "Right", right: { length: 200_000 } });
  });

  test("a head of more than 16 KiB was refused", async () => {
    const { result, connection, body } = await bench();
    body.all();
    connection.say("HTTP/1.1 200 OK", `X: ${"x".repeat(50_000)}`, "Content-Length: 0", "", "");
    expect((await responseOf(result)).headers.get("x")).toHaveLength(50_000);
  });

  test("closing cut the calls under way", async () => {
    const { transport, result, connection, body } = await bench();
    const closed = transport.close();
    body.all();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await closed;
    await connection.closed;
  });
});
