import { once } from "node:events";
import { constants } from "node:http2";
import { type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { answerTo, client } from "./http2-client.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

// RFC 6455, 1.3, has this example.
const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const upgrade = (...more: string[]): string =>
  head("GET /chat?a", "Connection: keep-alive, Upgrade", "Upgrade: WebSocket", key, ...more);
const upgrades = ["websocket", "connect"];
const connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n";

/** A server that accepts whatever wants to leave HTTP, and gives both sides to the test. */
async function accepting(status: number, headers: Readonly<Record<string, string>> = {}) {
  const clock = virtualClock();
  const source = new Source();
  const defects: unknown[] = [];
  let request: HttpRequest | undefined;
  let signal: AbortSignal | undefined;
  let sink: Sink | undefined;
  const server = await served(
    (got, itsSignal) => {
      request = got;
      signal = itsSignal;
      sink = Sink.on(got.body);
      return { ...httpResponse(status, source, headers), statusText: undefined };
    },
    { clock, upgrades, defect: (cause) => void defects.push(cause) },
  );
  const heard = (): string => Buffer.concat(sink?.chunks ?? []).toString("latin1");
  return {
    clock,
    server,
    source,
    defects,
    heard,
    get request() {
      return request as HttpRequest;
    },
    get signal() {
      return signal as AbortSignal;
    },
    get sink() {
      return sink as Sink;
    },
  };
}

describe("a client that asks for a tunnel over HTTP/1.1", () => {
  test("is accepted with 101, which turns the connection into two bodies", async () => {
    const its = await accepting(101, {
      "sec-websocket-protocol": "chat",
      connection: "close",
      upgrade: "other",
    });
    const wire = await Wire.to(its.server, upgrade(), "early");
    expect(await wire.until("\r\n\r\n")).toBe(
      [
        "HTTP/1.1 101 Switching Protocols",
        "connection: Upgrade",
        "upgrade: WebSocket",
        "sec-websocket-protocol: chat",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "",
        "",
      ].join("\r\n"),
    );
    expect(its.request).toMatchObject({ method: "GET", path: "/chat", query: "?a", upgrade: "WebSocket" });
    wire.say(" and late");
    await eventually(() => its.heard() === "early and late");
    its.source.give("said");
    await wire.until("\r\n\r\nsaid");
    expect(its.server.inFlight).toBe(1);
  });

  test("is connected with a 2xx to CONNECT", async () => {
    const its = await accepting(200, { "content-length": "5", "x-a": "b" });
    const wire = await Wire.to(its.server, connect, "hello");
    expect(await wire.until("\r\n\r\n")).toBe("HTTP/1.1 200 OK\r\nx-a: b\r\n\r\n");
    expect(its.request).toMatchObject({ method: "CONNECT", authority: "b:80", path: "", query: "" });
    expect(its.request.upgrade).toBeUndefined();
    await eventually(() => its.heard() === "hello");
    its.source.give("\0\xff");
    expect(await wire.until("\0")).toContain("\r\n\r\n\0");
  });

  test("each side ends independently", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.end("last words");
    await eventually(() => its.sink.ends.length === 1);
    expect([its.heard(), its.sink.ends]).toEqual(["last words", ["end"]]);
    expect(its.signal.aborted).toBe(false);
    its.source.give("mine");
    its.source.end();
    expect(await wire.rest()).toMatch(/\r\n\r\nmine$/);
    await eventually(() => its.server.connections === 0 && its.server.inFlight === 0);
  });

  test("hears to the end what the other side says after it has gone quiet, and the other way round", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    its.source.end();
    await once(wire.socket, "end");
    expect(its.server.connections).toBe(1);
    wire.socket.allowHalfOpen = true;
  });

  test("that goes aborts the call and cancels the response", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.resetAndDestroy();
    await eventually(() => its.server.inFlight === 0);
    expect(its.signal.aborted).toBe(true);
    expect(its.source.told.at(-1)).toMatch(/^stop/);
    expect(its.sink.ends).toEqual(["fail"]);
  });

  test("hears of a response that breaks by a reset", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    its.source.break();
    expect(await wire.closed).toBe("ECONNRESET");
  });

  test("that does not read holds back who speaks to it", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.pause();
    let pieces = 0;
    while (its.source.give(Buffer.alloc(65_536)) && pieces < 1_000) pieces++;
    expect(pieces).toBeLessThan(1_000);
    its.source.told.length = 0;
    wire.socket.resume();
    await eventually(() => its.source.told.includes("go on"));
  });

  test("is cut off after 5 min without a byte", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    await its.clock.advance(290_000);
    expect(its.server.connections).toBe(1);
    await its.clock.advance(60_000);
    await wire.closed;
    expect(its.signal.aborted).toBe(true);
  });

  test("is waited for by a drain, up to its limit", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    const drained = its.server.drain(1_000);
    await its.clock.advance(1_000);
    expect(await drained).toBe(1);
    await wire.closed;
  });
});

describe("a client that may not leave HTTP/1.1", () => {
  test.each([
    ["an upgrade", upgrade()],
    ["a CONNECT", connect],
  ])("gets an ordinary response to %s, and the connection ends with it", async (_name, said) => {
    const server = await served(() => text("not for you", 401), { upgrades });
    const wire = await Wire.to(server, said, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    const all = await wire.rest();
    expect(statuses(all)).toEqual([401]);
    expect(all).toMatch(/\r\nconnection: close\r\n[^]*not for you$/i);
    await eventually(() => server.inFlight === 0 && server.connections === 0);
  });

  test("gets a long one, too, as fast as it reads", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const wire = await Wire.to(server, upgrade());
    await wire.until("\r\n\r\n");
    let pieces = 0;
    wire.socket.pause();
    while (source.give(Buffer.alloc(65_536, "y")) && pieces < 1_000) pieces++;
    wire.socket.resume();
    await eventually(() => source.told.includes("go on"));
    source.end();
    expect(await wire.rest()).toMatch(/y\r\n0\r\n\r\n$/);
  });

  test("101 without an upgrade request is refused", async () => {
    const server = await served(() => httpResponse(101));
    const wire = await Wire.to(server, head("GET /"), "ab");
    expect(statuses(await wire.rest())).toEqual([500]);
  });

  test.each([
    [
      "h2c",
      head("GET /", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"),
    ],
    ["what HTTP/1.0 does not know", "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ])("%s is not an upgrade", async (_name, said) => {
    let seen: HttpRequest | undefined;
    const server = await served((request): HttpResponse => {
      seen = request;
      return text("plain");
    });
    const wire = await Wire.to(server, said);
    expect(await wire.until("plain")).toContain("HTTP/1.1 200");
    expect(seen?.upgrade).toBeUndefined();
  });

  test("a field that cannot be sent is a defect, and 500", async () => {
    const its = await accepting(101, { "x-a": "b\r\nx-c: d" });
    const wire = await Wire.to(its.server, upgrade());
    expect(statuses(await wire.rest())).toEqual([500]);
    expect(its.defects).toHaveLength(1);
  });
});

describe("over HTTP/2", () => {
  test("a WebSocket comes as extended CONNECT (RFC 8441), and is the same to the stack", async () => {
    const its = await accepting(101, { "sec-websocket-accept": "x", "sec-websocket-protocol": "chat" });
    const session = client(its.server);
    await once(session, "remoteSettings");
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = session.request(
      { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat?a" },
      { endStream: false },
    );
    const [fields] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(fields).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
    expect(fields).not.toHaveProperty("sec-websocket-accept");
    expect(its.request).toMatchObject({
      method: "GET",
      path: "/chat",
      query: "?a",
      upgrade: "websocket",
      version: "2",
    });
    stream.write("early");
    await eventually(() => its.heard() === "early");
    its.source.give("said");
    const [chunk] = (await once(stream, "data")) as [Buffer];
    expect(chunk.toString()).toBe("said");
    const ended = answerTo(stream);
    stream.end(" late");
    await eventually(() => its.sink.ends.length === 1);
    expect(its.heard()).toBe("early late");
    its.source.give("!");
    its.source.end();
    expect(await ended).toMatchObject({ body: "!", code: constants.NGHTTP2_NO_ERROR });
    expect(its.signal.aborted).toBe(false);
  });

  test("CONNECT opens a tunnel, and a stream that is reset ends both ways", async () => {
    const its = await accepting(200);
    const session = client(its.server);
    const stream = session.request(
      { ":method": "CONNECT", ":authority": "b:80" },
      // Without it, Node's client ends a stream properly before it resets it.
      { endStream: false, waitForTrailers: true },
    );
    stream.on("error", () => {});
    await once(stream, "response");
    expect(its.request).toMatchObject({ method: "CONNECT", authority: "b:80", path: "" });
    stream.write("a");
    await eventually(() => its.heard() === "a");
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => its.server.inFlight === 0);
    expect([its.signal.aborted, its.sink.ends]).toEqual([true, ["fail"]]);
  });

  test("one that nobody hears any more is closed when the other side has said all", async () => {
    const source = new Source();
    const server = await served(({ body }) => {
      body.cancel();
      return httpResponse(101, source);
    });
    const session = client(server);
    await once(session, "remoteSettings");
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/" };
    const stream = session.request(headers, { endStream: false });
    const ended = answerTo(stream);
    await once(stream, "response");
    source.give("bye");
    source.end();
    expect(await ended).toMatchObject({ body: "bye", code: constants.NGHTTP2_NO_ERROR });
  });

  test("refused, it is an ordinary response", async () => {
    const server = await served(() => text("not for you", 401));
    const session = client(server);
    await once(session, "remoteSettings");
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/" };
    const stream = session.request(headers, { endStream: false });
    const answer = await answerTo(stream);
    expect([answer.headers[":status"], answer.body, answer.code]).toEqual([401, "not for you", 0]);
  });
});
