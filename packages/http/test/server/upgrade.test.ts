import { once } from "node:events";
import { constants } from "node:http2";
import { type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { answerTo, client } from "./http2-client.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

// The example of RFC 6455, 1.3.
const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const upgrade = (...more: string[]): string =>
  head("GET /chat?a", "Connection: keep-alive, Upgrade", "Upgrade: WebSocket", key, ...more);
const upgrades = ["websocket", "connect"];
const connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n";

/** A server that accepts every tunnel and hands both directions to the test. */
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
  const received = (): string => Buffer.concat(sink?.chunks ?? []).toString("latin1");
  return {
    clock,
    server,
    source,
    defects,
    received,
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
  test("is accepted with 101, after which the connection carries two bodies", async () => {
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
    wire.send(" and late");
    await eventually(() => its.received() === "early and late");
    its.source.write("said");
    await wire.until("\r\n\r\nsaid");
    expect(its.server.inFlight).toBe(1);
  });

  test("is accepted with 2xx to CONNECT", async () => {
    const its = await accepting(200, { "content-length": "5", "x-a": "b" });
    const wire = await Wire.to(its.server, connect, "hello");
    expect(await wire.until("\r\n\r\n")).toBe("HTTP/1.1 200 OK\r\nx-a: b\r\n\r\n");
    expect(its.request).toMatchObject({ method: "CONNECT", authority: "b:80", path: "", query: "" });
    expect(its.request.upgrade).toBeUndefined();
    await eventually(() => its.received() === "hello");
    its.source.write("\0\xff");
    expect(await wire.until("\0")).toContain("\r\n\r\n\0");
  });

  test("may end its direction independently of the other", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.end("last words");
    await eventually(() => its.sink.ends.length === 1);
    expect([its.received(), its.sink.ends]).toEqual(["last words", ["end"]]);
    expect(its.signal.aborted).toBe(false);
    its.source.write("mine");
    its.source.end();
    expect(await wire.rest()).toMatch(/\r\n\r\nmine$/);
    await eventually(() => its.server.connections === 0 && its.server.inFlight === 0);
  });

  test("keeps the tunnel open when only the server's direction has ended", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    its.source.end();
    await once(wire.socket, "end");
    expect(its.server.connections).toBe(1);
    wire.socket.allowHalfOpen = true;
  });

  test("aborts the call and cancels the response when it disconnects", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.resetAndDestroy();
    await eventually(() => its.server.inFlight === 0);
    expect(its.signal.aborted).toBe(true);
    expect(its.source.calls.at(-1)).toMatch(/^stop/);
    expect(its.sink.ends).toEqual(["fail"]);
  });

  test("is reset when the response breaks", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    its.source.break();
    expect(await wire.closed).toBe("ECONNRESET");
  });

  test("applies backpressure to the source when it does not read", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    wire.socket.pause();
    let pieces = 0;
    while (its.source.write(Buffer.alloc(65_536)) && pieces < 1_000) pieces++;
    expect(pieces).toBeLessThan(1_000);
    its.source.calls.length = 0;
    wire.socket.resume();
    await eventually(() => its.source.calls.includes("go on"));
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

  test("holds up a drain until the drain's time limit", async () => {
    const its = await accepting(101);
    const wire = await Wire.to(its.server, upgrade());
    await wire.until("\r\n\r\n");
    const drained = its.server.drain(1_000);
    await its.clock.advance(1_000);
    expect(await drained).toBe(1);
    await wire.closed;
  });
});

describe("a client whose tunnel is refused over HTTP/1.1", () => {
  test.each([
    ["an upgrade", upgrade()],
    ["a CONNECT", connect],
  ])("gets an ordinary response to %s, and the connection is closed", async (_name, request) => {
    const server = await served(() => text("not for you", 401), { upgrades });
    const wire = await Wire.to(server, request, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    const all = await wire.rest();
    expect(statuses(all)).toEqual([401]);
    expect(all).toMatch(/\r\nconnection: close\r\n[^]*not for you$/i);
    await eventually(() => server.inFlight === 0 && server.connections === 0);
  });

  test("gets a long response as fast as it reads", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const wire = await Wire.to(server, upgrade());
    await wire.until("\r\n\r\n");
    let pieces = 0;
    wire.socket.pause();
    while (source.write(Buffer.alloc(65_536, "y")) && pieces < 1_000) pieces++;
    wire.socket.resume();
    await eventually(() => source.calls.includes("go on"));
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
    ["HTTP/1.0", "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ])("over %s is not an upgrade", async (_name, request) => {
    let seen: HttpRequest | undefined;
    const server = await served((got): HttpResponse => {
      seen = got;
      return text("plain");
    });
    const wire = await Wire.to(server, request);
    expect(await wire.until("plain")).toContain("HTTP/1.1 200");
    expect(seen?.upgrade).toBeUndefined();
  });

  test("a field that cannot be sent is a defect and is answered with 500", async () => {
    const its = await accepting(101, { "x-a": "b\r\nx-c: d" });
    const wire = await Wire.to(its.server, upgrade());
    expect(statuses(await wire.rest())).toEqual([500]);
    expect(its.defects).toHaveLength(1);
  });
});

describe("a tunnel over HTTP/2", () => {
  test("a WebSocket by extended CONNECT (RFC 8441) looks the same to the stack", async () => {
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
    await eventually(() => its.received() === "early");
    its.source.write("said");
    const [chunk] = (await once(stream, "data")) as [Buffer];
    expect(chunk.toString()).toBe("said");
    const ended = answerTo(stream);
    stream.end(" late");
    await eventually(() => its.sink.ends.length === 1);
    expect(its.received()).toBe("early late");
    its.source.write("!");
    its.source.end();
    expect(await ended).toMatchObject({ body: "!", code: constants.NGHTTP2_NO_ERROR });
    expect(its.signal.aborted).toBe(false);
  });

  test("CONNECT opens a tunnel, and resetting the stream ends both directions", async () => {
    const its = await accepting(200);
    const session = client(its.server);
    const stream = session.request(
      { ":method": "CONNECT", ":authority": "b:80" },
      // Unless trailers are pending, Node's client ends a stream properly before resetting it.
      { endStream: false, waitForTrailers: true },
    );
    stream.on("error", () => {});
    await once(stream, "response");
    expect(its.request).toMatchObject({ method: "CONNECT", authority: "b:80", path: "" });
    stream.write("a");
    await eventually(() => its.received() === "a");
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => its.server.inFlight === 0);
    expect([its.signal.aborted, its.sink.ends]).toEqual([true, ["fail"]]);
  });

  test("a tunnel whose client direction was cancelled closes when the server's direction ends", async () => {
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
    source.write("bye");
    source.end();
    expect(await ended).toMatchObject({ body: "bye", code: constants.NGHTTP2_NO_ERROR });
  });

  test("a refusal is an ordinary response", async () => {
    const server = await served(() => text("not for you", 401));
    const session = client(server);
    await once(session, "remoteSettings");
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/" };
    const stream = session.request(headers, { endStream: false });
    const answer = await answerTo(stream);
    expect([answer.headers[":status"], answer.body, answer.code]).toEqual([401, "not for you", 0]);
  });
});
