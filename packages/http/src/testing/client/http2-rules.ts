import assert from "node:assert/strict";
import type { ServerHttp2Stream } from "node:http2";
import { HttpHeaders } from "../../headers.ts";
import { bodyFrom } from "../../body-from.ts";
import {
  assertBroken,
  assertFault,
  requestTo,
  responseOf,
  textOf,
  until,
  untilIdle,
} from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";
import { FedBody } from "./fed-body.ts";
import type { Http2Answer } from "./http2-origin.ts";
import { trailersOf } from "./response-rules.ts";

const http2 = { protocol: "http2" } as const;

const hello: Http2Answer = (stream) => {
  stream.respond({ ":status": 200, "x-one": "1" });
  stream.end("hello");
};
const echo: Http2Answer = (stream) => {
  stream.respond({ ":status": 200 });
  stream.pipe(stream as NodeJS.WritableStream);
};

/** The same over HTTP/2, where it differs from HTTP/1.1. */
export const http2Rules: readonly ClientRule[] = [
  {
    name: "HTTP/2: request and response have their fields",
    async run(bench) {
      let seen: readonly string[] = [];
      const { url } = await bench.http2Origin((stream, fields) => {
        seen = fields;
        hello(stream, fields);
      });
      const headers = new HttpHeaders(["x-a", "2", "Connection", "close", "Host", "other"]);
      const request = requestTo("GET", "/a?b", { headers });
      const response = await responseOf(bench.client(url, http2).call(request));
      const sent = new HttpHeaders(seen);
      const expected = {
        ":method": "GET",
        ":scheme": "http",
        ":authority": "origin.test",
        ":path": "/a?b",
        "x-a": "2",
      };
      for (const [name, value] of Object.entries(expected)) assert.deepEqual(sent.all(name), [value]);
      assert.ok(!sent.has("connection") && !sent.has("host"), "a field of the connection was sent");
      assert.deepEqual([response.status, response.headers.get("x-one")], [200, "1"]);
      assert.ok(!response.headers.raw.some((text) => text.startsWith(":")), "a pseudo field is left");
      assert.deepEqual(await response.body.text(), { _tag: "Right", right: "hello" });
      assert.equal(request.notes.upstream, url);
    },
  },
  {
    name: "HTTP/2: a repeated response field keeps its values",
    async run(bench) {
      const { url } = await bench.http2Origin((stream) => {
        stream.respond({ ":status": 200, "set-cookie": ["a=1", "b=2"] });
        stream.end();
      });
      const { headers, body } = await responseOf(bench.client(url, http2).call(requestTo()));
      assert.deepEqual(headers.all("set-cookie"), ["a=1", "b=2"]);
      body.cancel();
    },
  },
  {
    name: "HTTP/2: bodies stream both ways",
    async run(bench) {
      const client = bench.client((await bench.http2Origin(echo)).url, http2);
      assert.equal(await textOf(client.call(requestTo("POST", "/", { body: "whole" }))), "whole");
      const body = new FedBody();
      const response = await responseOf(client.call(requestTo("POST", "/", { body })));
      const read = response.body[Symbol.asyncIterator]();
      for (const piece of ["a", "b"]) {
        void body.give(piece);
        assert.equal(String((await read.next()).value), piece);
      }
      body.all();
      assert.equal((await read.next()).done, true);
      const pieces = Array.from({ length: 50 }, (_, n) => Buffer.alloc(65_536, n));
      const long = await responseOf(client.call(requestTo("POST", "/", { body: bodyFrom(pieces) })));
      const bytes = await long.body.bytes({ maxBytes: Infinity });
      assert.ok(bytes._tag === "Right" && Buffer.concat(pieces).equals(bytes.right), "other bytes arrived");
      await untilIdle(client);
    },
  },
  {
    name: "HTTP/2: trailers follow the response",
    async run(bench) {
      const { url } = await bench.http2Origin((stream) => {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end("a");
      });
      const response = await responseOf(bench.client(url, http2).call(requestTo()));
      assert.deepEqual((await trailersOf(response)).raw, ["grpc-status", "0"]);
    },
  },
  {
    name: "HTTP/2: 1xx responses reach onInformation",
    async run(bench) {
      const seen: number[] = [];
      const { url } = await bench.http2Origin((stream, fields) => {
        stream.additionalHeaders({ ":status": 103, link: "</a>" });
        hello(stream, fields);
      });
      const request = { ...requestTo(), onInformation: (status: number) => seen.push(status) };
      assert.equal(await textOf(bench.client(url, http2).call(request)), "hello");
      assert.deepEqual(seen, [103]);
    },
  },
  {
    name: "HTTP/2: an abort resets the stream, not the connection",
    async run(bench) {
      const streams: ServerHttp2Stream[] = [];
      const { url, sessions, codes } = await bench.http2Origin((stream, fields) => {
        streams.push(stream);
        if (streams.length > 1) hello(stream, fields);
      });
      const client = bench.client(url, http2);
      const controller = new AbortController();
      const result = client.call(requestTo(), controller.signal);
      await until(() => streams.length === 1);
      controller.abort();
      await assertFault(result, { _tag: "Aborted", origin: "local" });
      await until(() => codes.length === 1);
      assert.equal(await textOf(client.call(requestTo())), "hello");
      assert.equal(sessions.length, 1);
    },
  },
  {
    name: "HTTP/2: cancelling a response body resets the stream",
    async run(bench) {
      const { url, codes } = await bench.http2Origin((stream) => {
        stream.respond({ ":status": 200 });
        stream.write("half");
      });
      const client = bench.client(url, http2);
      (await responseOf(client.call(requestTo()))).body.cancel();
      await until(() => codes.length === 1);
      await untilIdle(client);
    },
  },
  {
    name: "HTTP/2: a request body that breaks off is Aborted and ends its stream",
    async run(bench) {
      const { url, codes } = await bench.http2Origin((stream) => stream.resume());
      const body = new FedBody();
      const result = bench.client(url, http2).call(requestTo("POST", "/", { body }));
      await body.give("a");
      body.break();
      await assertFault(result, { _tag: "Aborted", origin: "local" });
      await until(() => codes.length === 1);
    },
  },
  {
    name: "HTTP/2: a refused stream was not processed",
    async run(bench) {
      const { url } = await bench.http2Origin((stream) => stream.close(7));
      const client = bench.client(url, http2);
      const refused = {
        _tag: "ConnectionBroken",
        origin: "upstream",
        retryable: true,
        code: "REFUSED_STREAM",
      };
      await assertFault(client.call(requestTo("POST")), { ...refused, processed: false });
      const begun = requestTo("POST", "/", { body: new FedBody() });
      await assertFault(client.call(begun), { ...refused, processed: undefined });
      await untilIdle(client);
    },
  },
  {
    name: "HTTP/2: a stream that is reset for another reason may have been processed",
    async run(bench) {
      const { url } = await bench.http2Origin((stream) => stream.close(2));
      await assertFault(bench.client(url, http2).call(requestTo()), {
        _tag: "ConnectionBroken",
        origin: "upstream",
        code: "INTERNAL_ERROR",
        processed: undefined,
      });
    },
  },
  {
    name: "HTTP/2: a response body is broken when the connection dies",
    async run(bench) {
      const { url, sessions } = await bench.http2Origin((stream) => {
        stream.respond({ ":status": 200 });
        stream.write("half");
      });
      const response = await responseOf(bench.client(url, http2).call(requestTo()));
      for (const session of sessions) session.destroy();
      await assertBroken(response);
    },
  },
  {
    name: "HTTP/2: an origin that does not answer in time is HeadersTimedOut",
    async run(bench) {
      const { url } = await bench.http2Origin((stream) => stream.resume());
      const client = bench.client(url, { ...http2, headersTimeoutMs: 50 });
      await assertFault(client.call(requestTo()), {
        _tag: "HeadersTimedOut",
        origin: "upstream",
        afterMs: 50,
      });
    },
  },
];
