import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { bodyFrom } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { dataFrame, fieldsFrame, rawHttp2Server, resetFrame } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { hello, http2, http2Origin, until } from "./http2-origin.ts";
import { faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** An origin that answers with raw frames, for what Node's server never sends. */
async function rawHttp2Origin(answer: (stream: number) => readonly Buffer[]): Promise<string> {
  const server = rawHttp2Server(answer);
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  return listen(server, () => sockets.forEach((socket) => socket.destroy()));
}

describe("end of a call over HTTP/2", () => {
  test("an abort resets the stream, not the connection", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions, codes } = await http2Origin((stream, fields) => {
      streams.push(stream);
      if (streams.length > 1) hello(stream, fields);
    });
    const transport = http2(url);
    const controller = new AbortController();
    const result = transport.call(request(), controller.signal);
    await until(() => streams.length === 1);
    controller.abort();
    expect(await faultOf(result)).toMatchObject({ _tag: "Aborted" });
    await until(() => codes.length === 1);
    expect(codes).toEqual([8]);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sessions.length).toBe(1);
    await untilIdle(transport);
  });

  test("cancelling the body resets the stream", async () => {
    const { url, codes } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
    });
    const transport = http2(url);
    const { body } = await responseOf(transport.call(request()));
    body.cancel();
    await until(() => codes.length === 1);
    expect(codes).toEqual([8]);
    await untilIdle(transport);
  });

  test("a throwing callback rejects the call, and the connection stays open", async () => {
    const { url, sessions, codes } = await http2Origin((stream, fields) => {
      if (codes.length > 0) return hello(stream, fields);
      stream.additionalHeaders({ ":status": 103 });
    });
    const mistake = new Error("a mistake");
    const transport = http2(url);
    const asked = {
      ...request(),
      onInformation() {
        throw mistake;
      },
    };
    await expect(transport.call(asked)).rejects.toBe(mistake);
    await until(() => codes.length === 1);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sessions.length).toBe(1);
    await untilIdle(transport);
  });

  test("a refused stream has its code and can be retried", async () => {
    const { url } = await http2Origin((stream) => stream.close(7));
    const transport = http2(url);
    const fault = await faultOf(transport.call(request()));
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", code: "REFUSED_STREAM", retryable: true });
    await untilIdle(transport);
  });

  test("an origin that dies during the body breaks it", async () => {
    const { url, sessions } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
    });
    const { body } = await responseOf(http2(url).call(request()));
    const text = body.text();
    await settled();
    for (const session of sessions) session.destroy();
    expect(await text).toMatchObject({ left: { _tag: "BodyBroken" } });
  });

  test.each([
    ["with NO_ERROR", 0],
    ["with CANCEL", 8],
  ])("a reset %s during a body of unknown length breaks it", async (_how, code) => {
    const origin = await rawHttp2Origin((stream) => [
      fieldsFrame(stream, [[":status", "200"]], false),
      dataFrame(stream, "half", false),
      resetFrame(stream, code),
    ]);
    const { body } = await responseOf(http2(origin).call(request()));
    expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
  });

  test("defect: a refused upgrade with a body longer than its length was a defect of the server", async () => {
    const status404 = [
      [":status", "404"],
      ["content-length", "1"],
    ] as const;
    const origin = await rawHttp2Origin((stream) => [
      fieldsFrame(stream, status404, false),
      dataFrame(stream, "ok", true),
    ]);
    const asked = { ...request(), upgrade: "websocket" };
    const { status, body } = await responseOf(http2(origin).call(asked));
    expect([status, body.length]).toEqual([404, 1]);
    // A server that forwards the body has already sent its length.
    const came: unknown[] = [];
    await new Promise<void>((resolve) => {
      body.pipe({
        write: (piece) => came.push(piece) > 0,
        end: () => resolve(void came.push("end")),
        fail: ({ _tag }) => resolve(void came.push(_tag)),
      });
    });
    expect(came).toEqual(["BodyBroken"]);
  });

  test("a NO_ERROR reset after the end of the stream is a regular end", async () => {
    const origin = await rawHttp2Origin((stream) => [
      fieldsFrame(stream, [[":status", "200"]], false),
      dataFrame(stream, "whole", true),
      resetFrame(stream, 0),
    ]);
    expect(await textOf(http2(origin).call(request()))).toBe("whole");
  });

  test("a body shorter than its length is broken", async () => {
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200, "content-length": "10" });
      stream.write("half");
      setImmediate(() => stream.close(0));
    });
    const { body } = await responseOf(http2(url).call(request()));
    expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
  });

  test("an origin that dies before the headers is ConnectionBroken", async () => {
    const { url, sessions } = await http2Origin(() => sessions[0]?.destroy());
    const transport = http2(url);
    expect(await faultOf(transport.call(request()))).toMatchObject({ _tag: "ConnectionBroken" });
    await untilIdle(transport);
  });

  test("after GOAWAY calls in flight finish and new ones use another connection", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url);
    const first = transport.call(request());
    await until(() => streams.length === 1);
    sessions[0]?.goaway();
    await until(() => transport.describe().state?.["connections"] === 0);
    const second = transport.call(request());
    await until(() => streams.length === 2);
    for (const stream of streams) hello(stream, []);
    expect([await textOf(first), await textOf(second)]).toEqual(["hello", "hello"]);
    expect(sessions.length).toBe(2);
  });

  test("headers timeout", async () => {
    const { url, codes } = await http2Origin(() => {});
    const fault = await faultOf(http2(url, { headersTimeoutMs: 30 }).call(request()));
    expect(fault).toMatchObject({ _tag: "HeadersTimedOut", afterMs: 30 });
    await until(() => codes.length === 1);
  });

  test("defect: an upload that the origin does not read had no timeout", async () => {
    const { url, codes } = await http2Origin(() => {});
    const body = bodyFrom([Buffer.alloc(10_000_000)]);
    const result = http2(url, { headersTimeoutMs: 30 }).call({ ...request(), method: "PUT", body });
    expect(await faultOf(result)).toMatchObject({ _tag: "HeadersTimedOut", afterMs: 30 });
    await until(() => codes.length === 1);
  });

  test("idle timeout of a body", async () => {
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
    });
    const { body } = await responseOf(http2(url, { idleTimeoutMs: 30 }).call(request()));
    expect(await body.text()).toMatchObject({
      left: { _tag: "BodyBroken", cause: { code: "IDLE_TIMEOUT" } },
    });
  });

  test("defect: no idle timeout after a pause of the reader", async () => {
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.write(Buffer.alloc(200_000));
    });
    const transport = http2(url, { idleTimeoutMs: 30 });
    const { body } = await responseOf(transport.call(request()));
    const broken = Promise.withResolvers<unknown>();
    let takes = false;
    const flow = body.pipe({ write: () => takes, end() {}, fail: broken.resolve });
    // The pause lasts while other calls run into their idle timeouts, one after the other.
    for (let other = 0; other < 2; other++) {
      const silent = await responseOf(transport.call(request()));
      expect(await silent.body.bytes()).toMatchObject({ left: { cause: { code: "IDLE_TIMEOUT" } } });
    }
    takes = true;
    flow.resume();
    expect(await broken.promise).toMatchObject({ cause: { code: "IDLE_TIMEOUT" } });
  });

  test("connection refused", async () => {
    const fault = await faultOf(http2("http://127.0.0.1:1").call(request()));
    expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "ECONNREFUSED" });
  });

  test("a broken upload is Aborted and resets the stream", async () => {
    const { url, codes } = await http2Origin((stream) => stream.resume());
    const broken = bodyFrom(
      (async function* () {
        yield "half";
        throw new Error("gone");
      })(),
    );
    const fault = await faultOf(http2(url).call(request("POST", "/", { body: broken })));
    expect(fault).toMatchObject({ _tag: "Aborted" });
    await until(() => codes.length === 1);
    expect(codes).toEqual([8]);
  });

  test.each([
    ["a line feed in a field", { headers: { x: "a\r\nb" } }],
    ["a length that is not the body's", { body: "ab", headers: { "content-length": "3" } }],
  ])("cannot be sent: %s", async (_what, input) => {
    const { url } = await http2Origin(hello);
    const transport = http2(url);
    expect(await faultOf(transport.call(request("POST", "/", input)))).toMatchObject({
      _tag: "RequestInvalid",
    });
    await untilIdle(transport);
  });

  test("an answer before the end of the upload stops the upload", async () => {
    const { url } = await http2Origin(hello);
    let stopped = false;
    const endless = bodyFrom(
      (async function* () {
        try {
          for (;;) {
            yield Buffer.alloc(65_536);
            await settled();
          }
        } finally {
          stopped = true;
        }
      })(),
    );
    const transport = http2(url);
    expect(await textOf(transport.call(request("POST", "/", { body: endless })))).toBe("hello");
    await untilIdle(transport);
    await until(() => stopped);
  });

  test("close lets calls in flight finish and refuses new ones", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url);
    const result = transport.call(request());
    await until(() => streams.length === 1);
    const closed = transport.close();
    expect(await faultOf(transport.call(request()))).toMatchObject({ _tag: "ConnectFailed", code: "CLOSED" });
    for (const stream of streams) hello(stream, []);
    expect(await textOf(result)).toBe("hello");
    await closed;
    const [session] = sessions;
    if (session?.closed === false) await once(session, "close");
  });

  test("close lets calls waiting for the connection proceed", async () => {
    const { url } = await http2Origin(hello);
    const transport = http2(url);
    const results = [transport.call(request()), transport.call(request())];
    const closed = transport.close();
    for (const result of results) expect(await textOf(result)).toBe("hello");
    await closed;
  });

  test("an idle connection is closed after keepAliveMs", async () => {
    const { url, sessions } = await http2Origin(hello);
    const transport = http2(url, { keepAliveMs: 20 });
    await textOf(transport.call(request()));
    await until(() => sessions[0]?.closed === true);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sessions.length).toBe(2);
  });
});
