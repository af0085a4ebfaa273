import assert from "node:assert/strict";
import { HttpHeaders } from "../../headers.ts";
import type { HttpRequest } from "../../message.ts";
import { bodyFrom } from "../../body-from.ts";
import { assertFault, type ClientBench, ok, requestTo, textOf } from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";

/** Returns what an origin gets of a request, up to `end`, and answers it. */
export async function sent(
  bench: ClientBench,
  request: HttpRequest,
  end: string = "\r\n\r\n",
): Promise<string> {
  const origin = await bench.origin();
  const result = bench.client(origin.url).call(request);
  const connection = await origin.next();
  const text = await connection.until(end);
  connection.say(...ok);
  assert.equal(await textOf(result), "ok");
  return text;
}

function lengthsIn(text: string): number {
  return text.match(/^content-length:/gim)?.length ?? 0;
}

/** Requests as they reach the origin. */
export const requestRules: readonly ClientRule[] = [
  ...["POST", "PUT", "PATCH", "DELETE", "GET", "PURGE"].map((method) => ({
    name: `a ${method} with a body in memory has one Content-Length`,
    async run(bench: ClientBench) {
      const text = await sent(bench, requestTo(method, "/", { body: "hello" }), "hello");
      assert.ok(text.startsWith(`${method} / HTTP/1.1\r\n`));
      assert.match(text, /\r\ncontent-length: 5\r\n[^]*\r\nhello$/i);
      assert.equal(lengthsIn(text), 1);
    },
  })),
  ...["POST", "PUT", "DELETE"].map((method) => ({
    name: `a ${method} with a body of unknown length is chunked`,
    async run(bench: ClientBench) {
      const text = await sent(bench, requestTo(method, "/", { body: bodyFrom(["hel", "lo"]) }), "0\r\n\r\n");
      assert.match(text, /\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n$/i);
      assert.equal(lengthsIn(text), 0);
    },
  })),
  {
    name: "a streamed body of known length has one Content-Length and is not chunked",
    async run(bench) {
      const input = { body: bodyFrom(["hel", "lo"]), headers: { "Content-Length": "5" } };
      const text = await sent(bench, requestTo("POST", "/", input), "hello");
      assert.equal(lengthsIn(text), 1);
      assert.doesNotMatch(text, /transfer-encoding/i);
    },
  },
  {
    name: "a POST without a body has Content-Length: 0, a GET has none",
    async run(bench) {
      const headers = { "content-length": "0" };
      assert.match(await sent(bench, requestTo("POST")), /^content-length: 0\r$/im);
      assert.equal(lengthsIn(await sent(bench, requestTo("POST", "/", { headers }))), 1);
      assert.doesNotMatch(await sent(bench, requestTo("GET")), /content-length|transfer-encoding/i);
    },
  },
  {
    name: "all fields are sent, repetitions in their order",
    async run(bench) {
      const headers = new HttpHeaders([
        "X-B",
        "1",
        "x-a",
        "2",
        "Cookie",
        "a=1",
        "X-B",
        "",
        "cookie",
        "b=2",
        "X-B",
        "3",
      ]);
      const lines = (await sent(bench, requestTo("GET", "/", { headers }))).split("\r\n");
      const values = (name: string): string[] =>
        lines
          .filter((line) => line.toLowerCase().startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trim());
      assert.deepEqual(
        [values("x-b"), values("x-a"), values("cookie")],
        [["1", "", "3"], ["2"], ["a=1", "b=2"]],
      );
      assert.ok(
        lines.some((line) => line.startsWith("X-B: ")),
        "the case of a field name changed",
      );
    },
  },
  {
    name: "fields of the client's connection are removed",
    async run(bench) {
      const headers = {
        Connection: "close",
        "Keep-Alive": "timeout=5",
        Upgrade: "h2c",
        "Transfer-Encoding": "gzip",
      };
      assert.doesNotMatch(await sent(bench, requestTo("GET", "/", { headers })), /close|timeout|h2c|gzip/);
    },
  },
  {
    name: "field values of any bytes are sent unchanged",
    async run(bench) {
      const value = `<\t ~${String.fromCharCode(...Array.from({ length: 128 }, (_, i) => 128 + i))}>`;
      const text = await sent(bench, requestTo("GET", "/", { headers: { "x-bytes": value } }));
      assert.ok(text.includes(`x-bytes: ${value}\r\n`));
    },
  },
  {
    name: "Host is the authority, whatever the fields say",
    async run(bench) {
      const headers = new HttpHeaders(["host", "field.test", "x", "1", "HOST", "again.test"]);
      const text = await sent(bench, { ...requestTo(), authority: "authority.test:81", headers });
      assert.deepEqual(text.match(/^host: .*$/gim), ["host: authority.test:81"]);
    },
  },
  {
    name: "the target is sent unchanged",
    async run(bench) {
      const odd = { path: "/a//b/./../%2F;p=\xe9{}|^`\\", query: "?q=%00&&=?/'\"<>" };
      const text = await sent(bench, { ...requestTo(), ...odd });
      assert.ok(text.startsWith(`GET ${odd.path}${odd.query} HTTP/1.1\r\n`));
    },
  },
  {
    name: "the written path is sent as long as it belongs to the path",
    async run(bench) {
      const written = { path: "/%7Eann", of: "/~ann" };
      assert.match(await sent(bench, { ...requestTo(), path: "/~ann", written }), /^GET \/%7Eann HTTP/);
      assert.match(await sent(bench, { ...requestTo(), path: "/bob", written }), /^GET \/bob HTTP/);
    },
  },
  ...(
    [
      ["a line feed in a field", { headers: HttpHeaders.of({ "x-a": "1\r\nX-B: 2" }) }],
      ["a field's name with a space", { headers: HttpHeaders.of({ "x a": "1" }) }],
      ["a character beyond a byte", { headers: HttpHeaders.of({ "x-a": "\u0142" }) }],
      ["a space in the path", { path: "/a b" }],
      ["a method with a space", { method: "GET /x" }],
      ["a line feed in the authority", { authority: "a\r\nx: y" }],
      ["two lengths", { headers: HttpHeaders.of({ "content-length": ["1", "2"] }) }],
      ["a length without a body", { headers: HttpHeaders.of({ "content-length": "1" }) }],
    ] as const
  ).map(([what, change]) => ({
    name: `a request with ${what} is RequestInvalid`,
    async run(bench: ClientBench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const invalid = { _tag: "RequestInvalid", origin: "local", retryable: false };
      await assertFault(client.call({ ...requestTo("POST"), ...change }), invalid);
      // A valid one does, and is the only one that arrives.
      const result = client.call(requestTo("GET", "/valid"));
      const connection = await origin.next();
      assert.match(await connection.head(), /^GET \/valid /);
      connection.say(...ok);
      assert.equal(await textOf(result), "ok");
    },
  })),
];
