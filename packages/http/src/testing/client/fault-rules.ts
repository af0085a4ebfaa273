import assert from "node:assert/strict";
import { bodyOf } from "../../body.ts";
import { bodyFrom } from "../../body-from.ts";
import {
  assertBroken,
  assertFault,
  type ClientBench,
  faultOf,
  requestTo,
  responseOf,
  untilIdle,
} from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";
import { FedBody } from "./fed-body.ts";

const failed = { _tag: "ConnectFailed", origin: "upstream", retryable: true, processed: false };
const broken = { _tag: "ConnectionBroken", origin: "upstream", retryable: true, processed: undefined };
const invalid = { _tag: "RequestInvalid", origin: "local", retryable: false };

/** Nothing listens there. */
const nowhere = "http://127.0.0.1:1";

const malformed: readonly (readonly [what: string, said: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n"],
  ["an incomplete head", "HTTP/1.1 200 OK\r\nContent-"],
  ["a field with a space before the colon", "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n"],
  ["a control character in a field", "HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
  ["an invalid length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"],
  [
    "a length and chunked",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ],
  [
    "chunked and a length",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ],
  ["a folded field", "HTTP/1.1 200 OK\r\nX: 1\r\n\x01Y: 2\r\n\r\n"],
  ["a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
  ["an unexpected 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
  ["too long a head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`],
];

/** Calls that fail. */
export const faultRules: readonly ClientRule[] = [
  {
    name: "a refused connection is ConnectFailed, and the request was not processed",
    async run(bench) {
      const client = bench.client(nowhere);
      for (const body of [undefined, bodyOf("a"), new FedBody()]) {
        const request = requestTo("POST", "/", body === undefined ? {} : { body });
        await assertFault(client.call(request), { ...failed, upstream: nowhere, code: "ECONNREFUSED" });
      }
      await untilIdle(client);
    },
  },
  {
    name: "an unknown host name is ConnectFailed",
    async run(bench) {
      const fault = await faultOf(bench.client("http://nobody.invalid").call(requestTo()));
      assert.equal(fault._tag, "ConnectFailed");
      assert.match(String(fault["code"]), /^(ENOTFOUND|EAI_AGAIN)$/);
    },
  },
  {
    name: "a connect timeout is ConnectFailed, and the request was not processed",
    async run(bench) {
      // Connecting never blocks on loopback, but a handshake can be left unanswered.
      const url = (await bench.origin()).url.replace("http:", "https:");
      const client = bench.client(url, { connectTimeoutMs: 20 });
      const result = client.call(requestTo("POST", "/", { body: new FedBody() }));
      await assertFault(result, { ...failed, upstream: url, code: "CONNECT_TIMEOUT" });
      await untilIdle(client);
    },
  },
  ...(["end", "destroy", "resetAndDestroy"] as const).map((close) => ({
    name: `an origin that closes instead of answering is ConnectionBroken: ${close}`,
    async run(bench: ClientBench) {
      const { result, connection, service } = await bench.ask();
      connection.socket[close]();
      await assertFault(result, { ...broken, code: close === "resetAndDestroy" ? "ECONNRESET" : "ENDED" });
      await untilIdle(service);
    },
  })),
  ...malformed.map(([what, said]) => ({
    name: `an origin that sends ${what} is ConnectionBroken`,
    async run(bench: ClientBench) {
      const { result, connection, service } = await bench.ask();
      connection.socket.end(said, "latin1");
      // The origin also closes, which may be what the client notices of a head without an end.
      const code = what === "an incomplete head" ? {} : { code: "MALFORMED" };
      await assertFault(result, { ...broken, ...code });
      await connection.closed;
      await untilIdle(service);
    },
  })),
  {
    name: "an origin that does not answer in time is HeadersTimedOut",
    async run(bench) {
      const { result, connection } = await bench.ask(requestTo(), { headersTimeoutMs: 20 });
      await assertFault(result, {
        _tag: "HeadersTimedOut",
        origin: "upstream",
        retryable: true,
        afterMs: 20,
      });
      await connection.closed;
    },
  },
  {
    name: "a request body that does not match its length is RequestInvalid",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      for (const body of [bodyOf("hello, world"), bodyFrom(["hello, world"]), bodyFrom(["hel"])]) {
        const headers = { "Content-Length": "5" };
        await assertFault(client.call(requestTo("POST", "/", { body, headers })), invalid);
      }
      await untilIdle(client);
      for (const { text } of origin.connections) assert.doesNotMatch(text, /world/);
    },
  },
  {
    name: "a request body that was already read is RequestInvalid",
    async run(bench) {
      const body = bodyFrom(["a"]);
      await body.text();
      const client = bench.client((await bench.origin()).url);
      await assertFault(client.call(requestTo("POST", "/", { body })), invalid);
      await untilIdle(client);
    },
  },
  {
    name: "a request body that breaks off is Aborted, and never ends at the origin",
    async run(bench) {
      const body = new FedBody();
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("a");
      await connection.head();
      body.break();
      const fault = await faultOf(result);
      assert.deepEqual([fault._tag, fault.origin], ["Aborted", "local"]);
      assert.equal((fault.cause as { readonly _tag?: unknown })._tag, "BodyBroken");
      await connection.closed;
      assert.doesNotMatch(connection.text, /0\r\n/);
      await untilIdle(client);
    },
  },
  {
    name: "a request body that breaks off after the response has begun breaks the response, with origin local",
    async run(bench) {
      const body = new FedBody();
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("a");
      await connection.head();
      connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
      const response = await responseOf(result);
      body.break();
      await assertBroken(response, "local");
      await connection.closed;
    },
  },
  {
    name: "a request body that turns out too long after the response has begun breaks it, with origin local",
    async run(bench) {
      const body = new FedBody(2);
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("a");
      await connection.head();
      connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
      const response = await responseOf(result);
      void body.give("bcd");
      await assertBroken(response, "local");
      await body.stopped;
    },
  },
  ...(
    [
      ["with a Content-Length", ["Content-Length: 9", "", "half"]],
      ["in chunks", ["Transfer-Encoding: chunked", "", "4", "half", ""]],
      ["in chunks, within one", ["Transfer-Encoding: chunked", "", "9", "half"]],
    ] as const
  ).flatMap(([what, said]) =>
    (["end", "resetAndDestroy"] as const).map((die) => ({
      name: `a response body ${what} is broken when the origin dies: ${die}`,
      async run(bench: ClientBench) {
        const { result, connection, service } = await bench.answered(["HTTP/1.1 200 OK", ...said]);
        const response = await responseOf(result);
        connection.socket[die]();
        await assertBroken(response);
        await untilIdle(service);
      },
    })),
  ),
  {
    name: "a response body is broken when the origin falls silent, not when the reader pauses",
    async run(bench) {
      const silent = await bench.ask(requestTo(), { idleTimeoutMs: 20 });
      const unread = await bench.ask(requestTo(), { idleTimeoutMs: 20 });
      silent.connection.say("HTTP/1.1 200 OK", "Content-Length: 9", "", "half");
      unread.connection.say("HTTP/1.1 200 OK", "Content-Length: 200000", "", "x".repeat(200_000));
      const { body } = await responseOf(unread.result);
      await assertBroken(await responseOf(silent.result));
      const whole = await body.bytes();
      assert.equal(whole._tag, "Right");
    },
  },
];
