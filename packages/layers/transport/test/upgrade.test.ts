import { settled } from "@pagoda/core/testing";
import { type Body, bodyOf, HttpHeaders, type HttpRequest } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";
import { answerTo, connecting, Heard, tunnelOrigin, upgrading } from "./tunnel-origin.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const keyed = HttpHeaders.of({ "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13" });
const switching = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: WebSocket"];

async function asked(message: HttpRequest, options = {}) {
  const origin = await bareOrigin();
  const transport = client(origin.url, options);
  const result = transport.call(message);
  const connection = await origin.next();
  return { origin, transport, result, connection, head: await connection.head() };
}

describe("an upgrade", () => {
  test("is requested with rewritten fields and without a body", async () => {
    const headers = new HttpHeaders([
      ...keyed.raw,
      "Upgrade",
      "h2c",
      "Connection",
      "x",
      "Content-Length",
      "0",
    ]);
    const { head } = await asked(upgrading(new FedBody(), { headers }));
    expect(head).toBe(
      [
        "GET /chat?room=1 HTTP/1.1",
        "host: origin.test",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        "connection: Upgrade",
        "upgrade: websocket",
        "",
        "",
      ].join("\r\n"),
    );
  });

  test("of another kind has no key", async () => {
    const { head, connection, result } = await asked(upgrading(new FedBody(), { upgrade: "spdy/3.1" }));
    expect(head).toContain("upgrade: spdy/3.1\r\n");
    expect(head).not.toMatch(/sec-websocket/i);
    connection.say("HTTP/1.1 101 Yes", "upgrade: SPDY/3.1", "x-a: 1", "", "at once");
    const response = await responseOf(result);
    expect(response).toMatchObject({ status: 101, statusText: "Yes" });
    expect(response.headers.get("x-a")).toBe("1");
    const heard = new Heard(response);
    await heard.until(() => heard.text === "at once");
    heard.cancel();
  });

  test("lists several protocols, and the origin chooses", async () => {
    const { head, connection, result } = await asked(
      upgrading(new FedBody(), { upgrade: "Shop/1, tcp", method: "POST" }),
    );
    expect(head).toMatch(/^POST [^]*\r\nupgrade: Shop\/1, tcp\r\n\r\n$/);
    connection.say("HTTP/1.1 101 Yes", "Upgrade: TCP", "", "");
    const { status, headers, body } = await responseOf(result);
    expect([status, headers.get("upgrade")]).toEqual([101, "TCP"]);
    body.cancel();
  });

  test("passes on the answer to the client's key", async () => {
    const { connection, result } = await asked(upgrading(new FedBody(), { headers: keyed }));
    connection.say(...switching, "Sec-WebSocket-Accept: whatever", "Content-Length: 0", "", "");
    const { headers, body } = await responseOf(result);
    expect(headers.get("sec-websocket-accept")).toBe("whatever");
    expect(headers.has("content-length")).toBe(false);
    body.cancel();
  });

  test("generates a missing key and verifies and removes the answer", async () => {
    const { connection, result, head } = await asked(upgrading(new FedBody()));
    const made = /^sec-websocket-key: (.*)\r$/m.exec(head)?.[1] as string;
    expect(Buffer.from(made, "base64")).toHaveLength(16);
    connection.say(...switching, `Sec-WebSocket-Accept: ${answerTo(made)}`, "", "");
    const { headers, body } = await responseOf(result);
    expect(headers.has("sec-websocket-accept")).toBe(false);
    body.cancel();
    const other = await asked(upgrading(new FedBody()));
    expect(other.head).not.toContain(made);
  });

  test.each([
    ["another key's answer", [...switching, `Sec-WebSocket-Accept: ${answerTo(key)}`]],
    ["no answer", switching],
  ])("with a generated key is broken by %s", async (_, said) => {
    const { connection, result, transport } = await asked(upgrading(new FedBody()));
    connection.say(...said, "", "");
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", code: "MALFORMED" });
    await connection.closed;
    await untilIdle(transport);
  });

  test.each([
    ["another protocol", ["HTTP/1.1 101 X", "Upgrade: h2c"]],
    ["several", ["HTTP/1.1 101 X", "Upgrade: websocket, h2c"]],
    ["it twice", ["HTTP/1.1 101 X", "Upgrade: websocket", "Upgrade: websocket"]],
    ["none", ["HTTP/1.1 101 X"]],
    ["a body", [...switching, "Content-Length: 5"]],
    ["a body in chunks", [...switching, "Transfer-Encoding: chunked"]],
  ])("answered with %s is broken", async (_, said) => {
    const { connection, result } = await asked(upgrading(new FedBody(), { headers: keyed }));
    connection.say(...said, "", "");
    expect(await faultOf(result)).toMatchObject({
      _tag: "ConnectionBroken",
      origin: "upstream",
      code: "MALFORMED",
    });
    await connection.closed;
  });

  test("that was not requested is broken", async () => {
    for (const message of [request(), connecting(new FedBody())]) {
      const { connection, result } = await asked(message);
      connection.say(...switching, "", "");
      expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", code: "MALFORMED" });
    }
  });

  test.each([
    ["401 Unauthorized", upgrading],
    ["200 OK", upgrading],
    ["407 Proxy Authentication Required", connecting],
  ])("refused with %s is an ordinary response, and its connection is reused", async (status, ask) => {
    const said = new FedBody();
    const { origin, connection, result, transport } = await asked(ask(said));
    connection.say(`HTTP/1.1 ${status}`, "Content-Length: 2", "", "no");
    const response = await responseOf(result);
    expect(response.status).toBe(Number.parseInt(status));
    expect(await response.body.text()).toMatchObject({ right: "no" });
    expect(said.hasBegun).toBe(false);
    await untilIdle(transport);
    const next = transport.call(request());
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(next)).toBe("ok");
    expect(origin.connections).toHaveLength(1);
  });

  test("passes on 1xx responses", async () => {
    const events: number[] = [];
    const onInformation = (status: number): void => void events.push(status);
    const { connection, result } = await asked(upgrading(new FedBody(), { headers: keyed, onInformation }));
    connection.say("HTTP/1.1 103 Early Hints", "Link: a", "", "HTTP/1.1 100 Continue", "", "");
    connection.say(...switching, "", "");
    const { status, body } = await responseOf(result);
    expect([status, events]).toEqual([101, [103]]);
    body.cancel();
  });

  test("uses a new connection, since a kept one may be stale", async () => {
    const { origin, connection, result, transport } = await asked(request());
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await untilIdle(transport);
    void transport.call(upgrading(new FedBody()));
    const other = await origin.next();
    expect(await other.head()).toContain("upgrade: websocket");
    expect(connection.text).toBe("");
    // It dies without an answer, so it is unknown whether the request was processed.
    const lost = transport.call(upgrading(new FedBody()));
    const third = await origin.next();
    await third.head();
    third.socket.resetAndDestroy();
    expect(await faultOf(lost)).toMatchObject({ _tag: "ConnectionBroken" });
    for (let turn = 0; turn < 20; turn++) await settled();
    expect(origin.connections).toHaveLength(3);
    other.socket.destroy();
  });

  test("works over TLS, with separate ends", async () => {
    const { ca, issue } = testAuthority();
    const { certificate: cert, key } = issue({ names: "IP:127.0.0.1" });
    const origin = await tunnelOrigin("http1", { cert, key });
    const transport = client(origin.url, { tls: { ca } });
    const said = new FedBody();
    const result = transport.call(upgrading(said));
    const there = (await origin.next()).open();
    const heard = new Heard(await responseOf(result));
    await said.give("hello");
    said.all();
    await there.until(() => there.ended);
    expect(there.text).toBe("hello");
    there.wire.end("you, too");
    await heard.until(() => heard.how !== "open");
    expect([heard.how, heard.text]).toEqual(["ended", "you, too"]);
    await untilIdle(transport);
  });
});

test("over TLS a tunnel can end while its reader is paused; the idle timeout ends the other direction", async () => {
  const { ca, issue } = testAuthority();
  const { certificate: cert, key } = issue({ names: "IP:127.0.0.1" });
  const origin = await tunnelOrigin("http1", { cert, key });
  const transport = client(origin.url, { tls: { ca }, idleTimeoutMs: 30 });
  const said = new FedBody();
  const result = transport.call(upgrading(said));
  const there = (await origin.next()).open();
  const { body } = await responseOf(result);
  body.pipe({ write: () => false, end() {}, fail() {} });
  there.wire.end("x");
  await said.stopped;
  await untilIdle(transport);
});

describe("CONNECT", () => {
  test("has the authority as target and Host, and nothing else", async () => {
    const { head, connection, result } = await asked(
      connecting(new FedBody(), { headers: HttpHeaders.of({ a: "b" }) }),
    );
    expect(head).toBe("CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\na: b\r\n\r\n");
    // The length is meaningless here (RFC 9110, section 9.3.6).
    connection.say("HTTP/1.1 204 Yes", "Content-Length: 3", "", "more than three");
    const response = await responseOf(result);
    expect(response).toMatchObject({ status: 204, body: { length: undefined } });
    expect(response.headers.size).toBe(0);
    const heard = new Heard(response);
    await heard.until(() => heard.text === "more than three");
    heard.cancel();
  });
});

describe.each(["http1", "http2"] as const)("over %s a request is invalid that", (protocol) => {
  const length = HttpHeaders.of({ "Content-Length": "5" });
  test.each([
    [
      "asks for an upgrade to HTTP",
      upgrading(new FedBody(), { upgrade: "h2c" }),
      'upgrade to a protocol that carries HTTP: "h2c"',
    ],
    [
      "lists HTTP among others",
      upgrading(new FedBody(), { upgrade: "websocket, HTTP/2.0" }),
      'upgrade to a protocol that carries HTTP: "websocket, HTTP/2.0"',
    ],
    [
      "combines an upgrade with CONNECT",
      upgrading(new FedBody(), { method: "CONNECT" }),
      "CONNECT request with an upgrade",
    ],
    ["asks for no protocol", upgrading(new FedBody(), { upgrade: "" }), 'invalid upgrade protocol ""'],
    [
      "has an invalid protocol",
      upgrading(new FedBody(), { upgrade: "a, b c" }),
      'invalid upgrade protocol "a, b c"',
    ],
    [
      "has an upgrade and a body length",
      upgrading(new FedBody(), { headers: length }),
      "tunnel request with a body length",
    ],
    [
      "connects with a body length",
      connecting(new FedBody(), { headers: length }),
      "tunnel request with a body length",
    ],
    [
      "connects without a port",
      connecting(new FedBody(), { authority: "a" }),
      'invalid CONNECT authority "a"',
    ],
    [
      "connects to an authority with a space",
      connecting(new FedBody(), { authority: "a b:1" }),
      'invalid CONNECT authority "a b:1"',
    ],
    ["connects with a path", connecting(new FedBody(), { path: "/a" }), 'CONNECT request with a path "/a"'],
    ["connects with a query", connecting(new FedBody(), { query: "?a" }), 'CONNECT request with a path "?a"'],
  ])("%s", async (_, message, reason) => {
    const transport = client("http://127.0.0.1:9", { protocol });
    expect(await faultOf(transport.call(message))).toMatchObject({
      _tag: "RequestInvalid",
      origin: "local",
      retryable: false,
      reason,
    });
    expect(transport.describe().state).toMatchObject({ inFlight: 0 });
  });
});

describe("an upgrade with content", () => {
  const exec = (content: Body, more: Partial<HttpRequest> = {}) =>
    upgrading(new FedBody(), { method: "POST", upgrade: "tcp", upgradeContent: content, ...more });
  const switched = ["HTTP/1.1 101 Yes", "Upgrade: tcp", "", ""];

  test("sends the content with its head, and the tunnel once it is open", async () => {
    const said = new FedBody();
    const headers = HttpHeaders.of({ "Content-Length": "2" });
    const { connection, head, result } = await asked(exec(bodyOf("ab"), { headers, body: said }));
    expect(head).toMatch(/^POST [^]*\r\ncontent-length: 2\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n$/i);
    await connection.until("ab");
    connection.say(...switched);
    const { status, body } = await responseOf(result);
    expect(status).toBe(101);
    said.give("tunnel");
    await connection.until("tunnel");
    body.cancel();
  });

  test("sends chunks if the length is unknown", async () => {
    const content = new FedBody();
    const { connection, result } = await asked(exec(content));
    content.give("ab");
    content.all();
    await connection.until("2\r\nab\r\n0\r\n\r\n");
    connection.say("HTTP/1.1 401 No", "Content-Length: 0", "", "");
    expect((await responseOf(result)).status).toBe(401);
  });

  test("is not resent by others once its content has been read", async () => {
    const { connection, result } = await asked(exec(bodyOf("ab")));
    connection.socket.destroy();
    expect(await faultOf(result)).not.toHaveProperty("processed");
  });

  test("whose origin switches before it has the content breaks", async () => {
    const content = new FedBody();
    const { connection, result } = await asked(exec(content));
    connection.say(...switched);
    expect(await faultOf(result)).toMatchObject({ reason: "unexpected-upgrade" });
  });

  test.each([
    ["over HTTP/2", upgrading(new FedBody(), { upgradeContent: bodyOf("ab") }), { protocol: "http2" }],
    ["of CONNECT", connecting(new FedBody(), { upgradeContent: bodyOf("ab") }), {}],
  ] as const)("%s cannot be sent", async (_what, message, options) => {
    const transport = client("http://127.0.0.1:9", options);
    expect(await faultOf(transport.call(message))).toMatchObject({ _tag: "RequestInvalid" });
  });
});
