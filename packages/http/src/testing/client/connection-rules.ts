import assert from "node:assert/strict";
import { once } from "node:events";
import { isReady } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { trailOf } from "../../trail.ts";
import { assertFault, ok, requestTo, textOf, untilIdle } from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";

/** Connections, their limit, and the notes of a call. */
export const connectionRules: readonly ClientRule[] = [
  {
    name: "sequential calls share a connection",
    async run(bench) {
      const { origin, service, result, connection } = await bench.answered(ok);
      assert.equal(await textOf(result), "ok");
      for (let call = 0; call < 5; call++) {
        // A client may wait a little to see whether the origin closes.
        for (let turn = 0; turn < 10; turn++) await settled();
        const next = service.call(requestTo("GET", `/${call}`));
        assert.ok((await connection.head()).startsWith(`GET /${call} `));
        connection.say(...ok);
        assert.equal(await textOf(next), "ok");
      }
      assert.equal(origin.connections.length, 1);
    },
  },
  {
    name: "concurrent calls each have a connection, up to the limit, beyond which they are PoolExhausted",
    async run(bench) {
      const { origin, service, result, connection } = await bench.ask(requestTo(), { maxConnections: 2 });
      assert.ok(isReady(service));
      const second = service.call(requestTo());
      assert.ok(!isReady(service), "ready in spite of its limit");
      const waiting = service.ready();
      await assertFault(service.call(requestTo()), {
        _tag: "PoolExhausted",
        origin: "local",
        retryable: true,
        upstream: origin.url,
        maxConnections: 2,
      });
      const other = await origin.next();
      for (const each of [connection, other]) each.say(...ok);
      for (const each of [result, second]) assert.equal(await textOf(each), "ok");
      await waiting;
      await untilIdle(service);
      assert.equal(origin.connections.length, 2);
    },
  },
  {
    name: "a connection that the origin closes after its response is not used again",
    async run(bench) {
      const lines = ["HTTP/1.1 200 OK", "Connection: close", "Content-Length: 2", "", "ok"];
      const { origin, service, result } = await bench.answered(lines);
      assert.equal(await textOf(result), "ok");
      const next = service.call(requestTo());
      const other = await origin.next();
      await other.head();
      other.say(...ok);
      assert.equal(await textOf(next), "ok");
    },
  },
  ...(["end", "resetAndDestroy"] as const).map((close) => ({
    name: `an idle connection that the origin has closed is replaced: ${close}`,
    async run(bench: Parameters<ClientRule["run"]>[0]) {
      const { origin, service, result, connection } = await bench.answered(ok);
      assert.equal(await textOf(result), "ok");
      const gone = once(connection.socket, close === "end" ? "finish" : "close");
      connection.socket[close]();
      await gone;
      // The system has received the close, but the client may not have read it yet.
      await settled();
      const next = service.call(requestTo("GET", "/next"));
      const other = await origin.next();
      assert.match(await other.head(), /^GET \/next /);
      other.say(...ok);
      assert.equal(await textOf(next), "ok");
    },
  })),
  {
    name: "notes name the upstream and count the call",
    async run(bench) {
      const request = requestTo();
      const { origin, result } = await bench.answered(ok, request);
      assert.equal(await textOf(result), "ok");
      assert.deepEqual([request.notes.upstream, request.notes.tries], [origin.url, 1]);
    },
  },
  {
    name: "the trail of a call has the try with its times and its status",
    async run(bench) {
      const request = requestTo();
      const { origin, result } = await bench.answered(ok, request);
      await textOf(result);
      const [only, ...more] = trailOf(request.notes);
      assert.equal(more.length, 0);
      assert.ok(only?.kind === "try");
      assert.deepEqual([only.upstream, only.status, only.fault], [origin.url, 200, undefined]);
      assert.ok((only.endedAt as number) >= only.at);
    },
  },
  {
    name: "a call that is given up does not overwrite the upstream of the one that answered",
    async run(bench) {
      const request = requestTo();
      const controller = new AbortController();
      const { result } = await bench.ask(request, {}, controller.signal);
      request.notes.upstream = "http://faster.test";
      controller.abort();
      await assertFault(result, { _tag: "Aborted" });
      assert.equal(request.notes.upstream, "http://faster.test");
    },
  },
];
