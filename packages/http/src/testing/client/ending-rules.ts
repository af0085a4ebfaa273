import assert from "node:assert/strict";
import { right } from "@pagoda/core";
import { abortListeners, settled } from "@pagoda/core/testing";
import type { BodyFlow } from "../../body-flow.ts";
import { bodyFrom } from "../../body-from.ts";
import { ReplayBody } from "../../replay.ts";
import { assertFault, faultOf, ok, requestTo, responseOf, textOf, until, untilIdle } from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";
import { FedBody } from "./fed-body.ts";

const aborted = { _tag: "Aborted", origin: "local", retryable: false };

/** Aborts, cancelled bodies, and origins that answer early. */
export const endingRules: readonly ClientRule[] = [
  {
    name: "an abort before the call sends nothing",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const signal = AbortSignal.abort(new Error("before"));
      await assertFault(client.call(requestTo("GET", "/first"), signal), {
        ...aborted,
        cause: signal.reason,
      });
      const result = client.call(requestTo("GET", "/second"));
      const connection = await origin.next();
      assert.match(await connection.head(), /^GET \/second /);
      connection.say(...ok);
      assert.equal(await textOf(result), "ok");
    },
  },
  {
    name: "an abort while connecting frees its slot at once",
    async run(bench) {
      const silent = await bench.origin();
      const upstream = silent.url.replace("http:", "https:");
      const client = bench.client(upstream, { maxConnections: 1 });
      const controller = new AbortController();
      const result = client.call(requestTo(), controller.signal);
      await silent.next();
      controller.abort();
      await assertFault(result, { ...aborted, upstream, cause: controller.signal.reason });
      assert.equal(client.ready(), undefined);
      assert.equal(abortListeners(controller.signal), 0);
    },
  },
  {
    name: "an abort while connecting sends nothing and leaves the body unread",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const controller = new AbortController();
      const body = new FedBody();
      const result = client.call(requestTo("POST", "/first", { body }), controller.signal);
      controller.abort();
      await assertFault(result, aborted);
      const next = client.call(requestTo("GET", "/second"));
      // The next call may use that connection or another one.
      const served = origin
        .next()
        .then((first) => Promise.race([first.head(), origin.next().then((one) => one.head())]));
      assert.match(await served, /^GET \/second /);
      for (const connection of origin.connections) connection.say(...ok);
      assert.equal(await textOf(next), "ok");
      assert.equal(body.hasBegun, false);
      await untilIdle(client);
    },
  },
  {
    name: "an abort while waiting for the headers closes the connection",
    async run(bench) {
      const controller = new AbortController();
      const { result, connection, service } = await bench.ask(requestTo(), {}, controller.signal);
      controller.abort();
      await assertFault(result, aborted);
      await connection.closed;
      await untilIdle(service);
      assert.equal(abortListeners(controller.signal), 0);
    },
  },
  {
    name: "an abort takes precedence over a response that arrives with it",
    async run(bench) {
      const controller = new AbortController();
      const { result, connection, service } = await bench.ask(requestTo(), {}, controller.signal);
      connection.socket.end(ok.join("\r\n"));
      controller.abort();
      await assertFault(result, aborted);
      await connection.closed;
      await untilIdle(service);
    },
  },
  {
    name: "an abort after the headers has no effect",
    async run(bench) {
      const controller = new AbortController();
      const { result, connection, service } = await bench.ask(requestTo(), {}, controller.signal);
      connection.say("HTTP/1.1 200 OK", "Content-Length: 4", "", "ha");
      const { body } = await responseOf(result);
      assert.equal(abortListeners(controller.signal), 0);
      controller.abort();
      connection.say("lf");
      assert.deepEqual(await body.text(), right("half"));
      await untilIdle(service);
    },
  },
  {
    name: "an abort reaches the source of a paused upload",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const controller = new AbortController();
      const body = new FedBody();
      const result = client.call(requestTo("POST", "/", { body }), controller.signal);
      const connection = await origin.next();
      await body.give("a");
      await connection.until("\r\na");
      controller.abort();
      await assertFault(result, aborted);
      await body.stopped;
      await connection.closed;
      assert.doesNotMatch(connection.text, /0\r\n/);
      await untilIdle(client);
    },
  },
  {
    name: "an abort ends an iterable that is the source of the body",
    async run(bench) {
      const ended = Promise.withResolvers<void>();
      async function* endless(): AsyncGenerator<string> {
        try {
          for (;;) {
            yield "x";
            await settled();
          }
        } finally {
          ended.resolve();
        }
      }
      const origin = await bench.origin();
      const controller = new AbortController();
      const request = requestTo("POST", "/", { body: bodyFrom(endless()) });
      const result = bench.client(origin.url).call(request, controller.signal);
      await (await origin.next()).until("x");
      controller.abort();
      await ended.promise;
      await assertFault(result, aborted);
    },
  },
  {
    name: "cancelling a response body closes the connection",
    async run(bench) {
      const lines = ["HTTP/1.1 200 OK", "Content-Length: 9", "", "half"];
      const { result, connection, service } = await bench.answered(lines);
      (await responseOf(result)).body.cancel();
      await connection.closed;
      await untilIdle(service);
    },
  },
  {
    name: "an answer that comes before the end of the upload is passed on and ends the upload",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const body = new FedBody();
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("a");
      await connection.until("\r\na");
      connection.say("HTTP/1.1 413 Content Too Large", "Content-Length: 2", "", "no");
      assert.equal(await textOf(result), "no");
      await body.stopped;
      await connection.closed;
      await untilIdle(client);
    },
  },
  {
    name: "a response body can be resumed within the end of another",
    async run(bench) {
      const short = await bench.ask();
      const long = await bench.ask();
      short.connection.say("HTTP/1.1 200 OK", "Content-Length: 8", "", "long");
      long.connection.say("HTTP/1.1 200 OK", "Content-Length: 300000", "", "x".repeat(300_000));
      const first = (await responseOf(short.result)).body;
      const second = (await responseOf(long.result)).body;
      // The second is paused until its reader resumes at the end of the first.
      const rest = new Promise((resolve) => {
        first.pipe({ write: () => true, end: () => resolve(second.bytes()), fail: resolve });
      });
      for (let turn = 0; turn < 100; turn++) await settled();
      short.connection.say("last");
      const read = (await rest) as Awaited<ReturnType<typeof second.bytes>>;
      assert.ok(read._tag === "Right" && read.right.length === 300_000);
    },
  },
  {
    name: "a reader that pauses stops the origin",
    async run(bench) {
      const { result, connection, service } = await bench.answered(["HTTP/1.1 200 OK", "", ""]);
      const piece = "x".repeat(65_536);
      let written = 0;
      const isBlocked = Promise.withResolvers<void>();
      const { body } = await responseOf(result);
      let taken = 0;
      const flow: BodyFlow = body.pipe({
        write: (chunk) => {
          taken += chunk.length;
          return false;
        },
        end() {},
        fail() {},
      });
      // Far more than all buffers of the system take.
      const more = (): void => {
        while (written < 256 * 1_048_576) {
          written += piece.length;
          if (!connection.socket.write(piece, "latin1")) return void connection.socket.once("drain", more);
        }
        isBlocked.reject(new Error("the origin was never blocked"));
      };
      more();
      for (let turn = 0; turn < 2_000; turn++) await settled();
      isBlocked.resolve();
      await isBlocked.promise;
      assert.ok(connection.socket.writableLength > 0, "the origin was not blocked");
      assert.ok(taken <= 1_048_576, `a paused reader was given ${taken} bytes`);
      flow.cancel();
      await connection.closed;
      await untilIdle(service);
    },
  },
  {
    name: "an origin that does not read stops the source of the upload",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const body = new FedBody();
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("begin");
      await connection.until("begin");
      connection.socket.pause();
      const piece = Buffer.alloc(65_536, "x");
      let given = 0;
      let isPaused = false;
      // Far more than all buffers of the system take.
      for (; given < 4_096 && !isPaused; given++) {
        let wants = false;
        void body.give(piece).then(() => (wants = true));
        for (let turn = 0; turn < 200 && !wants; turn++) await settled();
        isPaused = !wants;
      }
      assert.ok(isPaused, "the source was never paused");
      connection.socket.resume();
      await until(() => connection.text.length > given * piece.length);
      body.all();
      await connection.until("0\r\n\r\n");
      connection.say(...ok);
      assert.equal(await textOf(result), "ok");
    },
  },
  {
    name: "a request whose body can be read again can be sent again after a failed attempt",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const source = new FedBody();
      const request = requestTo("POST", "/", { body: new ReplayBody(source) });
      const result = client.call(request);
      const first = await origin.next();
      await source.give("hel");
      await first.until("\r\nhel");
      first.socket.destroy();
      await assertFault(result, { _tag: "ConnectionBroken", retryable: true });
      const again = client.call(request);
      const second = await origin.next();
      await source.give("lo");
      source.all();
      // The bytes recorded before the second reading are sent as one chunk.
      assert.match(await second.until("0\r\n\r\n"), /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
      second.say(...ok);
      assert.equal(await textOf(again), "ok");
    },
  },
  {
    name: "a call that fails after its body was begun may have been processed, and stops the source",
    async run(bench) {
      const origin = await bench.origin();
      const client = bench.client(origin.url);
      const body = new FedBody();
      const result = client.call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("begun");
      await connection.until("begun");
      connection.socket.destroy();
      const fault = await faultOf(result);
      assert.deepEqual([fault._tag, fault.processed], ["ConnectionBroken", undefined]);
      await body.stopped;
    },
  },
];
