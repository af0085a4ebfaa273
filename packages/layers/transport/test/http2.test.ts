import type { ServerHttp2Stream } from "node:http2";
import { bodyFrom, callNotes, HttpHeaders, type HttpRequest } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { isLeft } from "@pagoda/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { echo, hello, http2, http2Origin, until } from "./http2-origin.ts";
import { client, request, responseOf, textOf, untilIdle } from "./origin.ts";

describe("an HTTP/2 origin", () => {
  test("receives the request and answers", async () => {
    let seen: readonly string[] = [];
    const { url } = await http2Origin((stream, fields) => {
      seen = fields;
      hello(stream, fields);
    });
    const headers = new HttpHeaders([
      "X-B",
      "1",
      "x-a",
      "2",
      "X-B",
      "3",
      "Connection",
      "close",
      "Host",
      "other",
      "TE",
      "gzip, trailers",
    ]);
    const asked = request("GET", "/a?b", { headers });
    const response = await responseOf(http2(url).call(asked));
    expect(seen).toEqual([
      ":method",
      "GET",
      ":scheme",
      "http",
      ":authority",
      "origin.test",
      ":path",
      "/a?b",
      "x-b",
      "1",
      "x-a",
      "2",
      "x-b",
      "3",
      "te",
      "trailers",
    ]);
    expect(response.status).toBe(200);
    expect(asked.notes.upstream).toBe(url);
    expect(response.headers.raw.slice(0, 2)).toEqual(["x-one", "1"]);
    expect(await response.body.text()).toMatchObject({ right: "hello" });
  });

  // Defect: with its stack, the error cost more than the rest of the call.
  test("is called without making an error for the end of a response", async () => {
    const { url } = await http2Origin(hello);
    const origin2 = http2(url);
    expect(await textOf(origin2.call(request()))).toBe("hello");
    const made = vi.spyOn(globalThis, "Error");
    onTestFinished(() => made.mockRestore());
    expect(await textOf(origin2.call(request()))).toBe("hello");
    await settled();
    expect(made.mock.calls).not.toContainEqual(["response complete"]);
  });

  test("exchanges complete and streamed bodies", async () => {
    const { url } = await http2Origin(echo);
    const origin2 = http2(url);
    expect(await textOf(origin2.call(request("POST", "/", { body: "whole" })))).toBe("whole");
    const pieces = Array.from({ length: 100 }, (_, n) => Buffer.alloc(65_536, n));
    const response = await responseOf(origin2.call(request("POST", "/", { body: bodyFrom(pieces) })));
    const bytes = await response.body.bytes({ maxBytes: 10_000_000 });
    expect(isLeft(bytes) ? bytes : Buffer.concat(pieces).equals(bytes.right)).toBe(true);
    await untilIdle(origin2);
  });

  test("is slowed down by a paused reader", async () => {
    let sent = 0;
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      const more = (): void => {
        while (sent < 64_000_000) {
          sent += 65_536;
          if (!stream.write(Buffer.alloc(65_536))) return void stream.once("drain", more);
        }
        stream.end();
      };
      more();
    });
    const { body } = await responseOf(http2(url).call(request()));
    const flow = body.pipe({ write: () => false, end() {}, fail() {} });
    for (let i = 0; i < 200; i++) await settled();
    expect(sent).toBeLessThan(32_000_000);
    flow.cancel();
  });

  test("exchanges trailers", async () => {
    let seen: readonly string[] = [];
    const { url } = await http2Origin((stream) => {
      stream.on("trailers", (_headers, _flags, fields: readonly string[]) => (seen = fields));
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
    const upload = bodyFrom(["a"]);
    const pipe = upload.pipe.bind(upload);
    upload.pipe = (sink) =>
      pipe({
        write: (chunk) => sink.write(chunk),
        // Only the first is valid: the others would end the process, or frame the request.
        end: () => sink.end(HttpHeaders.of({ Sum: "1", Connection: "close", "Content-Length": "9" })),
        fail: (fault) => sink.fail(fault),
      });
    const { body } = await responseOf(http2(url).call(request("POST", "/", { body: upload })));
    const trailers = await new Promise<HttpHeaders>((resolve) => {
      body.pipe({ write: () => true, end: resolve, fail: () => expect.unreachable() });
    });
    expect(trailers.raw).toEqual(["grpc-status", "0"]);
    expect(seen).toEqual(["sum", "1"]);
  });

  test("defect: client trailers could end the process, and client fields count against the origin", async () => {
    let heads: readonly string[] = [];
    let seen: readonly string[] = [];
    const { url } = await http2Origin((stream, fields) => {
      heads = fields;
      stream.on("trailers", (_headers, _flags, fields: readonly string[]) => (seen = fields));
      echo(stream, fields);
    });
    const twice = new HttpHeaders(["etag", "a", "te", "gzip", "cookie", "c=1", "ETag", "b", "cookie", "d=2"]);
    const upload = bodyFrom(["whole"]);
    const pipe = upload.pipe.bind(upload);
    upload.pipe = (sink) =>
      pipe({
        write: (chunk) => sink.write(chunk),
        end: () => sink.end(twice),
        fail: (fault) => sink.fail(fault),
      });
    const transport = http2(url);
    expect(await textOf(transport.call(request("POST", "/", { headers: twice, body: upload })))).toBe(
      "whole",
    );
    const sent = ["etag", "a, b", "cookie", "c=1", "cookie", "d=2"];
    // Cookies are sent in the headers.
    expect([heads.slice(8), seen]).toEqual([sent, ["etag", "a, b"]]);
  });

  test("passes on 1xx responses; 100 starts the body", async () => {
    const events: number[] = [];
    let before = 0;
    const { url } = await http2Origin((stream) => {
      let got = 0;
      stream.on("data", (piece: Buffer) => (got += piece.length));
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      setImmediate(() => {
        before = got;
        stream.additionalHeaders({ ":status": 100 });
        stream.on("end", () => {
          stream.respond({ ":status": 200 });
          stream.end(String(got));
        });
      });
    });
    const asked: HttpRequest = {
      ...request("POST", "/", { body: "hello", headers: { expect: "100-continue" } }),
      onInformation: (status) => events.push(status),
    };
    expect(await textOf(http2(url).call(asked))).toBe("5");
    expect([events, before]).toEqual([[103], 0]);
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("a response to %s with %d has no body", async (method, status) => {
    const { url } = await http2Origin((stream) => stream.respond({ ":status": status }, { endStream: true }));
    const response = await responseOf(http2(url).call(request(method)));
    expect([response.status, response.body.take()?.length]).toEqual([status, 0]);
  });

  test("one connection serves many calls, more connections are opened beyond its limit", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { url, sessions } = await http2Origin((stream) => waiting.push(stream), {
      maxConcurrentStreams: 2,
    });
    const transport = http2(url);
    const first = transport.call(request());
    await until(() => waiting.length === 1);
    const others = [1, 2, 3, 4].map(() => transport.call(request()));
    await until(() => waiting.length === 5);
    expect(sessions.length).toBe(3);
    for (const stream of waiting) hello(stream, []);
    for (const result of [first, ...others]) expect(await textOf(result)).toBe("hello");
    await untilIdle(transport);
    await until(() => transport.describe().state?.["idle"] === 3);
    expect(transport.describe().state).toMatchObject({ connections: 3 });
  });

  test("notes name the upstream", async () => {
    const { url } = await http2Origin(hello);
    const notes = callNotes();
    await textOf(http2(url).call({ ...request(), notes }));
    expect(notes).toMatchObject({ upstream: url, tries: 1 });
  });
});

test("an unknown protocol is rejected", () => {
  expect(() => client("http://localhost", { protocol: "http3" as never })).toThrow(
    new RangeError('transport: protocol must be "http1" or "http2" (got "http3")'),
  );
});
