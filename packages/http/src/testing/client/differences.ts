import { once } from "node:events";
import { type Either, isLeft, isRight } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { HttpHeaders } from "../../headers.ts";
import type { HttpRequest, HttpResponse } from "../../message.ts";
import { type ClientBench, ok, requestTo, responseOf, textOf, until } from "./client-bench.ts";
import type { ClientDifference } from "./client-rule.ts";
import { FedBody } from "./fed-body.ts";

/** Turns of the event loop, many more than any client takes over loopback. No time passes. */
async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) await settled();
}

/** Returns `what` if a call was answered, else its fault. */
function outcomeOf(result: Either<unknown, HttpResponse>, what: string): string {
  return isRight(result) ? what : `\`${(result.left as { readonly _tag: string })._tag}\``;
}

/** Sends a request that some clients refuse to send. */
async function outcomeOfSending(bench: ClientBench, request: HttpRequest, what: string): Promise<string> {
  const origin = await bench.origin();
  const result = bench.client(origin.url).call(request);
  const connection = await Promise.race([result.then(() => undefined), origin.next()]);
  if (connection === undefined) return outcomeOf(await result, what);
  await connection.head();
  const isTunnel = request.upgrade !== undefined || request.method === "CONNECT";
  const said = isTunnel
    ? [request.method === "CONNECT" ? "200 OK" : "101 Yes", "Upgrade: shop/1", "", ""]
    : [];
  if (isTunnel) connection.say(`HTTP/1.1 ${said[0] as string}`, ...said.slice(1));
  else connection.say(...ok);
  const given = await result;
  if (isRight(given)) given.right.body.cancel();
  return outcomeOf(given, what);
}

/** Behaviours in which clients may differ. Each compares something that a caller can notice. */
export const differences: readonly ClientDifference[] = [
  {
    behaviour: "`Expect: 100-continue`",
    async observe(bench) {
      const input = { body: "hello", headers: { Expect: "100-continue" } };
      const { head, connection, result } = await bench.ask(requestTo("POST", "/", input));
      const waits = /^expect:/im.test(head);
      if (waits) connection.say("HTTP/1.1 100 Continue", "", "");
      await connection.until("hello");
      connection.say(...ok);
      await textOf(result);
      return waits ? "the body waits for 100" : "dropped, the body is sent at once";
    },
  },
  {
    behaviour: "a 100 response without `Expect`",
    async observe(bench) {
      const { result } = await bench.answered(["HTTP/1.1 100 Continue", "", ...ok]);
      return outcomeOf(await result, "skipped");
    },
  },
  {
    behaviour: "trailers of a request",
    async observe(bench) {
      const origin = await bench.origin();
      const body = new FedBody();
      const result = bench.client(origin.url).call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await body.give("hello");
      body.all(new HttpHeaders(["X-Sum", "5"]));
      const text = await connection.until("\r\n\r\n").then(() => connection.until("\r\n\r\n"));
      connection.say(...ok);
      await textOf(result);
      return text.includes("X-Sum: 5") ? "sent" : "dropped";
    },
  },
  {
    behaviour: "the head of a request whose streamed body has no byte yet",
    async observe(bench) {
      const origin = await bench.origin();
      const body = new FedBody();
      const result = bench.client(origin.url).call(requestTo("POST", "/", { body }));
      const connection = await origin.next();
      await manyTurns();
      const isSent = connection.text.includes("\r\n\r\n");
      void body.give("hello");
      body.all();
      await connection.until("hello\r\n0\r\n\r\n");
      connection.say(...ok);
      await textOf(result);
      return isSent ? "sent at once" : "sent with the first byte";
    },
  },
  {
    behaviour: "a repeated request field",
    async observe(bench) {
      const headers = new HttpHeaders(["X-A", "1", "X-B", "2", "x-a", "3"]);
      const { head, connection, result } = await bench.ask(requestTo("GET", "/", { headers }));
      connection.say(...ok);
      await textOf(result);
      return head.includes("X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n")
        ? "stays in its place"
        : "moves to the first one";
    },
  },
  {
    behaviour: "`OPTIONS *`",
    observe: (bench) => outcomeOfSending(bench, { ...requestTo("OPTIONS"), path: "*" }, "sent"),
  },
  {
    behaviour: "an upgrade",
    observe: (bench) =>
      outcomeOfSending(bench, { ...requestTo(), upgrade: "shop/1", body: new FedBody() }, "a tunnel"),
  },
  {
    behaviour: "`CONNECT`",
    observe: (bench) => {
      const request = { ...requestTo("CONNECT"), authority: "db.test:5432", path: "", body: new FedBody() };
      return outcomeOfSending(bench, request, "a tunnel");
    },
  },
  {
    behaviour: "the HTTP version of a response",
    async observe(bench) {
      const { result } = await bench.answered(ok);
      return (await responseOf(result)).version === undefined ? "not known" : "known";
    },
  },
  {
    behaviour: "a reason phrase beyond ASCII",
    async observe(bench) {
      const { result } = await bench.answered(["HTTP/1.1 200 Z\xc5\x82oty", "Content-Length: 0", "", ""]);
      return (await responseOf(result)).statusText === undefined ? "dropped" : "kept";
    },
  },
  {
    behaviour: "a response with the same `Content-Length` twice",
    async observe(bench) {
      const lines = ["HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2", "", "ok"];
      return outcomeOf(await (await bench.answered(lines)).result, "accepted");
    },
  },
  {
    behaviour: "a response without a length that a reset cuts off",
    async observe(bench) {
      const { result, connection } = await bench.answered(["HTTP/1.1 200 OK", "", "half"]);
      const { body } = await responseOf(result);
      const first = Promise.withResolvers<void>();
      const end = new Promise<string>((resolve) => {
        const write = (): boolean => {
          first.resolve();
          return true;
        };
        body.pipe({ write, end: () => resolve("complete"), fail: () => resolve("broken") });
      });
      await first.promise;
      connection.socket.resetAndDestroy();
      return end;
    },
  },
  {
    behaviour: "a response that comes with a reset during the upload",
    async observe(bench) {
      const origin = await bench.origin();
      const body = new FedBody();
      const result = bench.client(origin.url).call(requestTo("POST", "/", { body }));
      const { socket } = await origin.next();
      await body.give("begin");
      await once(socket, "data");
      const answer = ["HTTP/1.1 413 No", "Content-Length: 4", "", "long"];
      await new Promise((resolve) => socket.write(answer.join("\r\n"), resolve));
      // From now on writes fail before anything else is read.
      socket.resetAndDestroy();
      void body.give("hello");
      const given = await result;
      if (isLeft(given)) return outcomeOf(given, "");
      const text = await given.right.body.text();
      return isRight(text) ? "passed on" : "broken";
    },
  },
  {
    behaviour: "a `GET` whose reused connection closes when it is sent",
    async observe(bench) {
      const { origin, service, result, connection } = await bench.answered(ok);
      await textOf(result);
      await manyTurns();
      const next = service.call(requestTo());
      await connection.head();
      connection.socket.end();
      const other = await Promise.race([next.then(() => undefined), origin.next()]);
      if (other !== undefined) {
        await other.head();
        other.say(...ok);
      }
      return outcomeOf(await next, "resent once");
    },
  },
  {
    behaviour: "the connection after a response to `HEAD`",
    async observe(bench) {
      const lines = ["HTTP/1.1 200 OK", "Content-Length: 2", "", ""];
      const { origin, service, result } = await bench.answered(lines, requestTo("HEAD"));
      await textOf(result);
      await manyTurns();
      const next = service.call(requestTo());
      await Promise.race([origin.next(), origin.connections[0]?.head()]);
      for (const connection of origin.connections) connection.say(...ok);
      await textOf(next);
      return origin.connections.length === 1 ? "used again" : "closed";
    },
  },
  {
    behaviour: "an upload of unknown length over HTTP/2 that breaks off",
    async observe(bench) {
      const codes: number[] = [];
      const { url } = await bench.http2Origin((stream) => {
        stream.on("close", () => codes.push(stream.rstCode)).resume();
      });
      const body = new FedBody();
      const result = bench.client(url, { protocol: "http2" }).call(requestTo("POST", "/", { body }));
      await body.give("a");
      body.break();
      await result;
      await until(() => codes.length === 1);
      // NO_ERROR comes after a frame that ends the stream, as if nothing were missing.
      return codes[0] === 0 ? "ends as if it were complete" : "is reset";
    },
  },
];
