import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import { testAuthority } from "@pagoda/http/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { listen, type Origin, origin, rawOrigin } from "./origin.ts";
import { type Pagoda, until } from "./program.ts";

const authority = testAuthority();
const { certificate, key } = authority.issue({ names: "IP:127.0.0.1" });

/** An echo origin for WebSockets. */
async function echo(): Promise<Origin & { readonly server: WebSocketServer }> {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has("chat") ? "chat" : false),
  });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => {
      if (String(data) === "close") socket.close(4_001, "as you say");
      else if (String(data) === "die") socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
  });
  const upstream = await origin((_message, out) => out.writeHead(426).end("only WebSockets here"));
  upstream.httpServer.on("upgrade", (message, socket, head) => {
    if (message.url === "/refused") {
      socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnot you");
      return;
    }
    server.handleUpgrade(message, socket, head, (client) => server.emit("connection", client, message));
  });
  return Object.assign(upstream, { server });
}

let folder: Folder;
let secureFolder: Folder;
let upstream: Awaited<ReturnType<typeof echo>>;
let pagoda: Pagoda;
let secure: Pagoda;

beforeAll(async () => {
  folder = new Folder();
  // A separate file, since a running proxy applies what is written into its own.
  secureFolder = new Folder();
  upstream = await echo();
  secureFolder.write("cert.pem", certificate);
  secureFolder.write("cert.key", key);
  const tls = { certificates: [{ certificate: "cert.pem", key: "cert.key" }] };
  const policies = { retry: { attempts: 3 }, concurrencyLimit: 200 };
  pagoda = await configured(folder, through({ endpoints: [upstream.url] }, {}, policies));
  secure = await configured(secureFolder, through({ endpoints: [upstream.url] }, { tls }, policies));
});

afterAll(async () => {
  for (const each of [pagoda, secure, upstream]) await each?.[Symbol.asyncDispose]();
  for (const each of [folder, secureFolder]) each?.[Symbol.dispose]();
});

/** Opens a WebSocket through the proxy. */
async function opened(url: string, protocols: readonly string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"), [...protocols], { ca: authority.ca });
  await once(socket, "open");
  return socket;
}

/** The next message. */
async function said(socket: WebSocket, message: string | Buffer): Promise<unknown> {
  const answer = once(socket, "message");
  socket.send(message);
  const [data, isBinary] = (await answer) as [Buffer, boolean];
  return isBinary ? data : data.toString();
}

describe("a WebSocket", () => {
  test("carries text, bytes, large and fragmented messages, and pings", async () => {
    for (const { url } of [pagoda, secure]) {
      const socket = await opened(url);
      expect(await said(socket, "hello")).toBe("hello");
      const large = Buffer.alloc(3_000_000, "pagoda");
      expect(large.equals((await said(socket, large)) as Buffer)).toBe(true);
      const whole = once(socket, "message");
      socket.send("in ", { fin: false });
      socket.send("parts", { fin: true });
      expect(String(((await whole) as [Buffer])[0])).toBe("in parts");
      const pong = once(socket, "pong");
      socket.ping("are you there");
      expect(String(((await pong) as [Buffer])[0])).toBe("are you there");
      socket.terminate();
    }
  });

  test("has the origin's subprotocol, close code and reason", async () => {
    const socket = await opened(pagoda.url, ["other", "chat"]);
    expect(socket.protocol).toBe("chat");
    const closed = once(socket, "close");
    socket.send("close");
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, String(reason)]).toEqual([4_001, "as you say"]);
  });

  test("refused by the origin gets its response", async () => {
    const socket = new WebSocket(`${pagoda.url.replace("http", "ws")}/refused`);
    const [, response] = (await once(socket, "unexpected-response")) as [
      unknown,
      NodeJS.ReadableStream & { readonly statusCode: number },
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect([response.statusCode, Buffer.concat(chunks).toString()]).toEqual([401, "not you"]);
  });

  test("breaks when its origin dies, and leaves nothing behind when its client dies", async () => {
    const socket = await opened(pagoda.url);
    const closed = once(socket, "close");
    socket.send("die");
    expect(((await closed) as [number])[0]).toBe(1_006);
    const other = await opened(pagoda.url);
    const gone = new Promise((resolve) => [...upstream.server.clients].at(-1)?.once("close", resolve));
    expect(await said(other, "x")).toBe("x");
    other.terminate();
    await gone;
    await until(
      () => pagoda.metric("http_requests_in_flight"),
      (calls) => calls === 0,
    );
  });

  test("gets only its own messages among a hundred at once", async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => opened(pagoda.url)));
    const answers = await Promise.all(sockets.map((socket, at) => said(socket, `I am ${at}`)));
    expect(answers).toEqual(sockets.map((_socket, at) => `I am ${at}`));
    for (const socket of sockets) socket.terminate();
  });

  test("works over HTTP/2 (RFC 8441)", async () => {
    const session = connectHttp2(secure.url, { ca: authority.ca });
    await once(session, "remoteSettings");
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const headers = {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": "/",
      "sec-websocket-version": "13",
    };
    const stream = session.request(headers, { endStream: false });
    const [fields] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(fields[":status"]).toBe(200);
    // A masked text of two letters, and its unmasked echo.
    stream.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    const [frame] = (await once(stream, "data")) as [Buffer];
    expect(frame).toEqual(Buffer.from([0x81, 0x02, 0x68, 0x69]));
    const closed = once(stream, "close");
    stream.close();
    await closed;
    session.close();
  });

  test("is drained up to the drain timeout", async () => {
    using own = new Folder();
    const config = { ...through({ endpoints: [upstream.url] }), drain: { timeout: "2s" } };
    await using proxy = await configured(own, config);
    const socket = await opened(proxy.url);
    const closed = once(socket, "close");
    proxy.kill("SIGTERM");
    await proxy.log("draining");
    expect(await said(socket, "still here")).toBe("still here");
    expect(((await closed) as [number])[0]).toBe(1_006);
    expect(await proxy.log("requests cut off")).toMatchObject({ cutOff: 1 });
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
  });
});

describe("of other tunnels,", () => {
  test("those not listed in upgrades stay closed: the upgrade is ignored, CONNECT gets 501", async () => {
    await using plain = await origin(({ method, headers }, out) => out.end(`${method} ${headers.upgrade}`));
    using own = new Folder();
    await using proxy = await configured(own, through({ endpoints: [plain.url] }));
    using wire = new Wire(proxy.url);
    wire.send(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 1\r\n\r\nx",
    );
    await wire.receives("POST undefined");
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 /);
    using other = new Wire(proxy.url);
    other.send("CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n");
    await other.receives("501 CONNECT is not enabled");
    expect(other.text).toMatch(/^HTTP\/1\.1 501 /);
  });

  test("an upgrade to a listed protocol opens if the origin accepts it", async () => {
    await using raw = await rawOrigin((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shop/1\r\n\r\n");
        socket.on("data", (chunk) => void socket.write(String(chunk).toUpperCase()));
      });
    });
    using own = new Folder();
    await using proxy = await configured(own, through({ endpoints: [raw.url] }, { upgrades: ["shop/1"] }));
    using wire = new Wire(proxy.url);
    wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shop/1\r\n\r\n");
    await wire.receives("\r\n\r\n");
    expect(wire.text).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: shop\/1\r\n/,
    );
    wire.send("hello");
    await wire.receives("HELLO");
  });

  test("an upgrade with content, as `docker exec` sends it, reaches the origin with its content first", async () => {
    await using raw = await rawOrigin((socket) => {
      let heard = "";
      socket.on("data", (chunk) => {
        heard += String(chunk);
        if (!heard.endsWith(`{"Tty":true}`)) return void socket.write(String(chunk).toUpperCase());
        heard = "";
        socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      });
    });
    using own = new Folder();
    await using proxy = await configured(own, through({ endpoints: [raw.url] }, { upgrades: ["tcp"] }));
    using wire = new Wire(proxy.url);
    const fields = ["Host: a", "Connection: Upgrade", "Upgrade: tcp", "Content-Length: 12"];
    wire.send(`POST /exec/1/start HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n{"Tty":true}`);
    await wire.receives("\r\n\r\n");
    expect(wire.text).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    wire.send("ls");
    await wire.receives("LS");
  });

  test("CONNECT opens if it is listed and the origin accepts it, over HTTP/1.1 and HTTP/2", async () => {
    await using target = await listen(
      createServer(
        (socket) =>
          void socket.on("data", (chunk) => socket.write(`got ${String(chunk)}`)).on("error", () => {}),
      ),
    );
    await using proxyBehind = await origin((_message, out) => out.end());
    proxyBehind.httpServer.on("connect", (message, client) => {
      const [host, port] = (message.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        client.pipe(onward).pipe(client);
      });
      client.on("error", () => onward.destroy());
      onward.on("error", () => client.destroy());
    });
    using own = new Folder();
    const upgrades = ["connect"];
    await using proxy = await configured(own, through({ endpoints: [proxyBehind.url] }, { upgrades }));
    const to = `127.0.0.1:${target.port}`;
    using wire = new Wire(proxy.url);
    wire.send(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`);
    await wire.receives("\r\n\r\n");
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 Connection Established\r\n/);
    wire.send("one");
    await wire.receives("got one");
    const session = connectHttp2(proxy.url);
    const stream = session.request({ ":method": "CONNECT", ":authority": to }, { endStream: false });
    expect(((await once(stream, "response")) as [Record<string, unknown>])[0][":status"]).toBe(200);
    stream.write("two");
    expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("got two");
    session.destroy();
  });

  test("extended CONNECT to HTTP/2 gets 501, so no tunnel bypasses the policies", async () => {
    const heard: string[] = [];
    await using behind = await rawOrigin((socket) => {
      socket.on("data", (chunk) => {
        heard.push(String(chunk));
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      });
    });
    using own = new Folder();
    const routes = [
      { name: "closed", match: { path: "/admin" }, respond: { status: 403 } },
      { name: "all", cluster: "origin" },
    ];
    const config = through({ endpoints: [behind.url] }, { routes, upgrades: ["websocket", "connect"] });
    await using proxy = await configured(own, config);
    const session = connectHttp2(proxy.url);
    await once(session, "remoteSettings");
    for (const protocol of ["h2c", "H2C", "h2", "HTTP/2.0", "websocket, h2c", "tls/1.2"]) {
      const stream = session.request(
        { ":method": "CONNECT", ":protocol": protocol, ":path": "/" },
        { endStream: false },
      );
      const [fields] = (await once(stream, "response")) as [Record<string, unknown>];
      expect([protocol, fields[":status"]]).toEqual([protocol, 501]);
      stream.close();
    }
    session.destroy();
    expect(heard).toEqual([]);
  });

  test("an upgrade to HTTP/2 is ignored and the request is answered (h2c smuggling)", async () => {
    await using plain = await origin(({ headers }, out) =>
      out.end(`upgrade ${headers.upgrade} settings ${headers["http2-settings"]}`),
    );
    using own = new Folder();
    await using proxy = await configured(own, through({ endpoints: [plain.url] }));
    using wire = new Wire(proxy.url);
    wire.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    );
    await wire.receives("undefined settings undefined");
    expect(wire.text).toContain("HTTP/1.1 200");
  });
});
