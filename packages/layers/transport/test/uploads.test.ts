import { getEventListeners } from "node:events";
import { settled } from "@pagoda/core/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** A request with a body fed by the test, optionally with trailers. */
function trailing(body = new FedBody()) {
  return request("POST", "/", { body, headers: { Trailer: "X-Sum" } });
}

async function bench(options = {}, signal?: AbortSignal) {
  const origin = await bareOrigin();
  const transport = client(origin.url, options);
  const body = new FedBody();
  const result = transport.call(trailing(body), signal);
  const connection = await origin.next();
  await connection.head();
  return { origin, transport, result, connection, body };
}

/** Puts the transport's time under control of the test, so that it does not depend on how busy the machine is. */
function virtualTime(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  return (ms) => void vi.advanceTimersByTime(ms);
}

/** Waits for the real idle timeout of `transport` by letting another call run into it. */
async function untilIdleTimedOut({ origin, transport }: Awaited<ReturnType<typeof bench>>) {
  const late = transport.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
  expect(await (await responseOf(late)).body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
}

describe("an upload", () => {
  test("reuses and counts connections", async () => {
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

  test("is ConnectFailed if the connection is refused", async () => {
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
    ["defect: with a 101 left the call without an answer", "101 Switching Protocols"],
    ["defect: with a status below 100 was passed on", "050 What"],
  ])("a response %s", async (_, status) => {
    const { transport, result, connection } = await bench();
    connection.say(`HTTP/1.1 ${status}`, "Connection: upgrade", "Upgrade: x", "", "");
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream" });
    await untilIdle(transport);
  });

  test("defect: a slow client timed out the origin", async () => {
    const pass = virtualTime();
    const one = await bench({ headersTimeoutMs: 50 });
    // Enough data that the origin takes a while, which starts the timeout until it is read.
    await one.body.give(Buffer.alloc(4_194_304));
    expect(one.body.pauses).toBe(1);
    pass(1_000);
    one.body.all();
    one.connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(one.result)).toBe("ok");
  });

  test("defect: a complete body that the origin reads slowly timed out", async () => {
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

  test("defect: an upload after the response headers timed out the response body", async () => {
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

  test("a response before the end of the upload stops it and frees the slot", async () => {
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

  test("a broken upload is broken at the origin", async () => {
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
  ])("an origin that dies during a body with a %s breaks it", async (_, said) => {
    const { transport, result, connection, body } = await bench();
    body.all();
    connection.say("HTTP/1.1 200 OK", ...said);
    const response = await responseOf(result);
    connection.socket.end();
    expect(await response.body.text()).toMatchObject({ _tag: "Left", left: { _tag: "BodyBroken" } });
    await untilIdle(transport);
  });

  test("an origin that falls silent during a body breaks it", async () => {
    const { result, connection, body, transport } = await bench({ idleTimeoutMs: 50 });
    body.all();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
    expect(await (await responseOf(result)).body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
    await untilIdle(transport);
  });

  test("defect: a pause of the reader longer than the idle timeout broke the body", async () => {
    const one = await bench({ idleTimeoutMs: 50 });
    one.body.all();
    one.connection.say("HTTP/1.1 200 OK", "Content-Length: 200000", "", "x".repeat(200_000));
    const { body } = await responseOf(one.result);
    await untilIdleTimedOut(one);
    expect(await body.bytes()).toMatchObject({ _tag: "Right", right: { length: 200_000 } });
  });

  test("defect: a response head of more than 16 KiB was refused", async () => {
    const { result, connection, body } = await bench();
    body.all();
    connection.say("HTTP/1.1 200 OK", `X: ${"x".repeat(50_000)}`, "Content-Length: 0", "", "");
    expect((await responseOf(result)).headers.get("x")).toHaveLength(50_000);
  });

  test("defect: close aborted calls in flight", async () => {
    const { transport, result, connection, body } = await bench();
    const closed = transport.close();
    body.all();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await closed;
    await connection.closed;
  });
});
