import { createServer } from "node:net";
import { bodyFrom, bodyOf, httpRequest, PushBody } from "@pagoda/http";
import { frame, frameType, rawHttp2Server } from "@pagoda/http/testing";
import { settled } from "@pagoda/core/testing";
import { undici } from "@pagoda/undici";
import { Agent, H2CClient } from "undici";
import { expect, expectTypeOf, test } from "vitest";
import type { Aborted, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse, TransportFault } from "@pagoda/http";
import { UndiciBody } from "../src/request-body.ts";
import { ending, faultOf, httpOrigin, listen, responseOf, textOf } from "./origin.ts";

test("an aborted call in undici's queue leaves the connection to the next one", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("data", (bytes) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${String(bytes).slice(5, 9)}`),
    );
  });
  const client = undici(ending(new Agent({ connections: 1 })), { origin: await listen(server) });
  const controller = new AbortController();
  const first = client.call(httpRequest("http://a.test/aaaa"), controller.signal);
  const second = textOf(client, "http://a.test/bbbb");
  controller.abort();
  expect(await first).toMatchObject({ left: { _tag: "Aborted" } });
  expect(await second).toBe("bbbb");
  expect(connections).toBe(1);
});

test("a destroyed dispatcher breaks calls with origin local", async () => {
  const url = await httpOrigin((request, response) => {
    if (request.url === "/body") response.writeHead(200).write("half");
    else setImmediate(() => void agent.destroy());
  });
  const agent = new Agent();
  const client = undici(agent, { origin: url });
  const { body } = await responseOf(client, "http://a.test/body");
  expect(await faultOf(client, httpRequest("http://a.test/"))).toMatchObject({
    _tag: "ConnectionBroken",
    origin: "local",
    code: "CLOSED",
  });
  expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken", origin: "local" } });
});

test("a response over the dispatcher's maxResponseSize breaks with origin local", async () => {
  const url = await httpOrigin((_request, response) => response.end("0123456789"));
  const client = undici(ending(new Agent({ maxResponseSize: 5 })), { origin: url });
  const { body } = await responseOf(client, "http://a.test/");
  expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken", origin: "local" } });
});

test("has the errors of every HTTP client", () => {
  expectTypeOf(undici(new Agent())).toEqualTypeOf<
    Service<HttpRequest, HttpResponse, TransportFault | Aborted>
  >();
});

test("a tunnel is UpgradeUnsupported and leaves its body unread", async () => {
  const body = bodyFrom(["a"]);
  const client = undici(new Agent(), { origin: "http://127.0.0.1:1" });
  expect(await faultOf(client, { ...httpRequest("http://a.test/"), upgrade: "shop/1", body })).toMatchObject({
    _tag: "UpgradeUnsupported",
    origin: "local",
    retryable: false,
    upstream: "http://127.0.0.1:1",
  });
  expect(body.canRead).toBe(true);
});

test("a request body is read chunk by chunk, and not before it is wanted", async () => {
  const taken: number[] = [];
  async function* pieces() {
    for (let n = 0; n < 3; n++) {
      taken.push(n);
      yield String(n);
    }
  }
  const body = new UndiciBody(bodyFrom(pieces()), undefined);
  await settled();
  expect(taken).toEqual([]);
  expect((await body.next()).value).toEqual(Buffer.from("0"));
  await settled();
  expect(taken.length).toBeLessThan(3);
  const rest: string[] = [];
  for await (const piece of body) rest.push(String(piece));
  expect(rest).toEqual(["1", "2"]);
});

test("a request body that is left early is cancelled", async () => {
  const source = bodyFrom(["a", "b", "c"]);
  const ends: boolean[] = [];
  source.observe((complete) => ends.push(complete));
  for await (const _piece of new UndiciBody(source, undefined)) break;
  expect(ends).toEqual([false]);
});

test.each([
  [4, "the body is longer than its Content-Length"],
  [6, "the body is shorter than its Content-Length"],
])("a request body of 5 bytes announced as %d fails", async (length, message) => {
  const read = async () => {
    for await (const _piece of new UndiciBody(bodyOf("12345"), length));
  };
  await expect(read()).rejects.toThrow(message);
});

test("a request body that is refused is cancelled", async () => {
  class Whole extends PushBody {
    readonly length = undefined;
    constructor() {
      super();
      this.push(Buffer.from("12345"));
    }
    protected goOn(): void {}
    protected stop(): void {}
  }
  for (const source of [bodyFrom(["12345", "6"]), new Whole()]) {
    const ends: boolean[] = [];
    source.observe((complete) => ends.push(complete));
    await expect(new UndiciBody(source, 3).next()).rejects.toThrow("longer than its Content-Length");
    expect(ends).toEqual([false]);
  }
});

test.each([
  ["Caf\xc3\xa9", undefined],
  ["Fine", "Fine"],
])("a reason phrase is passed on only as it came: %j", async (phrase, expected) => {
  const server = createServer((socket) =>
    socket.on("data", () => socket.write(`HTTP/1.1 200 ${phrase}\r\nContent-Length: 0\r\n\r\n`, "latin1")),
  );
  const client = undici(ending(new Agent()), { origin: await listen(server) });
  expect((await responseOf(client, "http://a.test/")).statusText).toBe(expected);
});

test("a stream above the last one of a GOAWAY was not processed", async () => {
  const goAway = frame(frameType.goaway, 0, 0, Buffer.alloc(8));
  const origin = await listen(rawHttp2Server(() => [goAway]));
  const client = undici(ending(new H2CClient(origin)), { origin });
  const request = httpRequest("http://a.test/", { method: "POST", body: "a" });
  expect(await faultOf(client, request)).toMatchObject({
    _tag: "ConnectionBroken",
    origin: "upstream",
    code: "REFUSED_STREAM",
    processed: false,
  });
});
