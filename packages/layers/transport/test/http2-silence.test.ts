import type { ServerHttp2Stream } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { timeoutError } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { hello, http2, http2Origin, until } from "./http2-origin.ts";
import { faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** A connection to an origin that can be blocked, as if its machine were gone. */
async function line(to: string) {
  const sockets: Socket[] = [];
  let isSilent = false;
  const server = createServer((near) => {
    const far = connect(Number(new URL(to).port), "127.0.0.1");
    sockets.push(near, far);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => {});
      one.on("data", (bytes) => isSilent || other.write(bytes));
      one.on("close", () => other.destroy());
    }
  });
  const url = await listen(server, () => sockets.forEach((socket) => socket.destroy()));
  return {
    url,
    connections: () => sockets.length / 2,
    silence: (silent: boolean) => (isSilent = silent),
  };
}

describe("a silent origin", () => {
  test("defect: kept its connection and calls as long as new calls arrived", async () => {
    const streams: ServerHttp2Stream[] = [];
    const origin = await http2Origin((stream, fields) => {
      streams.push(stream);
      if (streams.length > 1) hello(stream, fields);
      else stream.respond({ ":status": 200 });
    });
    const { url, silence, connections } = await line(origin.url);
    const transport = http2(url, { pingMs: 100, headersTimeoutMs: 0, idleTimeoutMs: 0 });
    const body = (await responseOf(transport.call(request()))).body.text();
    silence(true);
    const fault = await faultOf(transport.call(request("POST")));
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream", code: "PING_TIMEOUT" });
    expect(fault).not.toHaveProperty("processed");
    expect(await body).toMatchObject({ left: { _tag: "BodyBroken", cause: { code: "PING_TIMEOUT" } } });
    silence(false);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(connections()).toBe(2);
    await untilIdle(transport);
  });

  test("keeps its connection if it answers the PING", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url, { pingMs: 100, headersTimeoutMs: 0 });
    const result = transport.call(request());
    await until(() => sessions.length === 1);
    let pings = 0;
    sessions[0]?.on("ping", () => pings++);
    await until(() => pings >= 3);
    hello(streams[0] as ServerHttp2Stream, []);
    expect(await textOf(result)).toBe("hello");
  });
});

describe("a connection with consecutive timeouts", () => {
  test.each([
    ["by the transport's limit", { headersTimeoutMs: 200 }, undefined],
    ["by an outer timeout", { headersTimeoutMs: 0 }, new DOMException("late", "TimeoutError")],
    [
      "by a fault of an outer layer",
      { headersTimeoutMs: 0 },
      { _tag: "TimedOut", origin: "upstream", retryable: true },
    ],
  ])("accepts no more calls after three: %s", async (_, options, reason) => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url, options);
    for (let n = 1; n <= 4; n++) {
      const caller = new AbortController();
      const result = transport.call(request(), caller.signal);
      await until(() => streams.length === n);
      if (reason !== undefined) caller.abort(reason);
      await faultOf(result);
      expect(sessions.length).toBe(n <= 3 ? 1 : 2);
    }
    await untilIdle(transport);
  });

  test.each([
    ["a caller's own deadline", { _tag: "DeadlineExceeded", origin: "local", retryable: false } as const],
    ["a stall of this process", { _tag: "TimedOut", origin: "local", retryable: true } as const],
  ])("stays in use after %s", async (_, fault) => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url, { headersTimeoutMs: 0 });
    for (let n = 1; n <= 4; n++) {
      const caller = new AbortController();
      const result = transport.call(request(), caller.signal);
      await until(() => streams.length === n);
      caller.abort(timeoutError("late", fault));
      await faultOf(result);
    }
    expect(sessions.length).toBe(1);
  });

  test("stays in use after an answer and after aborts", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream, fields) => {
      streams.push(stream);
      if (streams.length % 3 === 0) hello(stream, fields);
    });
    const transport = http2(url, { headersTimeoutMs: 0 });
    for (let n = 1; n <= 9; n++) {
      const caller = new AbortController();
      const result = transport.call(request(), caller.signal);
      await until(() => streams.length === n);
      if (n % 3 > 0) caller.abort(new DOMException("late", "TimeoutError"));
      await result;
    }
    for (let n = 0; n < 5; n++) {
      const caller = new AbortController();
      const result = transport.call(request(), caller.signal);
      await settled();
      caller.abort();
      await result;
    }
    expect(sessions.length).toBe(1);
  });
});

test.each([-1, 1.5, Number.NaN])("pingMs %d is out of range", (pingMs) => {
  expect(() => http2("http://127.0.0.1:1", { pingMs })).toThrow(RangeError);
});
