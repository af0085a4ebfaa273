import { once } from "node:events";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { virtualClock } from "@pagoda/core/testing";
import { httpResponse, type Peer, text } from "@pagoda/http";
import type { HttpServer, ServeOptions, ServerTls } from "@pagoda/http/server";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { Source } from "../bodies.ts";
import { ask, client } from "./http2-client.ts";
import { eventually, head, served, Wire } from "./served.ts";

const authority = testAuthority();
const stranger = testAuthority("stranger");
const a = authority.issue({ subject: "CN=a", names: "DNS:a.test,IP:127.0.0.1" });
const wild = authority.issue({ subject: "CN=wild", names: "DNS:*.b.test" });
const exact = authority.issue({ subject: "CN=exact", names: "DNS:exact.b.test" });
const cart = authority.issue({ subject: "O=shop,CN=cart", names: "URI:spiffe://test/cart,DNS:cart.test" });

/** A TLS server that answers with the peer it sees. */
async function secure(tls: Partial<ServerTls> = {}, options: ServeOptions = {}) {
  const failures: string[] = [];
  const server = await served(({ peer, scheme }) => text(JSON.stringify({ scheme, ...peer })), {
    tls: { certificates: [a, wild, exact], ...tls },
    handshakeFailed: (reason) => void failures.push(reason),
    ...options,
  });
  return { server, failures };
}

/** Completes the client's side of the handshake: with TLS 1.3, a refused certificate is reported only later. */
async function handshake(
  server: Pick<HttpServer, "port">,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    port: server.port,
    host: "127.0.0.1",
    ca: authority.ca,
    servername: "a.test",
    ...options,
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** The peer that the stack saw, over HTTP/1.1. */
async function peerOverHttp1(server: HttpServer, options: ConnectionOptions = {}): Promise<Peer> {
  const socket = await handshake(server, options);
  let got = "";
  socket
    .on("data", (chunk: Buffer) => (got += chunk.toString()))
    .on("error", (error) => (got += error.message));
  socket.write(head("GET /", "Connection: close"));
  await new Promise((resolve) => socket.once("close", resolve));
  const [, body] = got.split("\r\n\r\n");
  if (body === undefined) throw new Error(`no response: ${got}`);
  return JSON.parse(body) as Peer;
}

describe("TLS", () => {
  test("lets the client choose between HTTP/1.1 and HTTP/2 (ALPN)", async () => {
    const { server } = await secure();
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    for (const [ALPNProtocols, chosen] of [
      [["http/1.1", "h2"], "h2"],
      [["http/1.1"], "http/1.1"],
      // A client that knows nothing newer is served, too.
      [["http/1.0"], "http/1.0"],
      [undefined, false],
    ] as const) {
      const socket = await handshake(
        server,
        ALPNProtocols === undefined ? {} : { ALPNProtocols: [...ALPNProtocols] },
      );
      expect(socket.alpnProtocol).toBe(chosen);
    }
    expect(await peerOverHttp1(server)).toMatchObject({ scheme: "https", address: "127.0.0.1" });
    const { body } = await ask(client(server, { ca: authority.ca, servername: "a.test" }), {});
    expect(JSON.parse(body)).toMatchObject({ scheme: "https", address: "127.0.0.1" });
  });

  test("offers only the configured protocols", async () => {
    const one = (await secure({}, { protocols: ["http1"] })).server;
    expect((await handshake(one, { ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol).toBe("http/1.1");
    const { server: two, failures } = await secure({}, { protocols: ["http2"] });
    expect((await handshake(two, { ALPNProtocols: ["h2"] })).alpnProtocol).toBe("h2");
    await expect(handshake(two, { ALPNProtocols: ["http/1.1"] })).rejects.toThrow("no application protocol");
    const silent = await handshake(two);
    await once(silent, "close");
    expect(failures).toHaveLength(1);
  });

  test.each([
    ["a.test", "a"],
    ["exact.b.test", "exact"],
    ["EXACT.b.test", "exact"],
    ["other.b.test", "wild"],
    ["deep.other.b.test", "a"],
    ["unknown.test", "a"],
  ])("for server name %s presents certificate %s", async (servername, name) => {
    const { server } = await secure();
    const socket = await handshake(server, { servername, rejectUnauthorized: false });
    expect(socket.getPeerCertificate().subject.CN).toBe(name);
  });

  test("requires at least version 1.2, or the configured minimum", async () => {
    const { server } = await secure();
    const protocol = async (minVersion?: "TLSv1.3") =>
      (
        await handshake((await secure(minVersion && { minVersion })).server, { maxVersion: "TLSv1.2" })
      ).getProtocol();
    expect(await protocol()).toBe("TLSv1.2");
    await expect(protocol("TLSv1.3")).rejects.toThrow(/protocol version/);
    await expect(
      handshake(server, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    ).rejects.toThrow(/version|protocol/i);
    expect((await handshake(server)).getProtocol()).toBe("TLSv1.3");
  });

  test("uses the configured ciphers", async () => {
    const { server } = await secure({ ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
    const socket = await handshake(server, { maxVersion: "TLSv1.2" });
    expect(socket.getCipher().name).toBe("ECDHE-ECDSA-AES128-GCM-SHA256");
  });

  test("reports failed handshakes without affecting other connections", async () => {
    const clock = virtualClock();
    const { server, failures } = await secure({}, { clock });
    const other = await handshake(server);
    const plain = connectTcp(server.port, "127.0.0.1");
    plain
      .on("error", () => {})
      .resume()
      .end("GET / HTTP/1.1\r\n\r\n");
    await once(plain, "close");
    await eventually(() => failures.length === 1);
    expect(failures).toEqual(["ERR_SSL_HTTP_REQUEST"]);
    await clock.advance(2_000);
    await eventually(() => server.connections === 1);
    expect(other.destroyed).toBe(false);
  });

  test("an unfinished handshake does not keep a drain from ending", async () => {
    const clock = virtualClock();
    const { server } = await secure({}, { clock });
    const silent = connectTcp(server.port, "127.0.0.1");
    await eventually(() => server.connections === 1);
    const drained = server.drain(5_000);
    await clock.advance(1_001);
    expect(await drained).toBe(0);
    await once(silent.on("error", () => {}).resume(), "close");
    expect(clock.pending).toBe(0);
  });

  test("drains both HTTP versions", async () => {
    const answers: (() => void)[] = [];
    const server = await served(() => new Promise((resolve) => answers.push(() => resolve(text("yes")))), {
      tls: { certificates: [a] },
    });
    const over2 = ask(client(server, { ca: authority.ca, servername: "a.test" }), {});
    const over1 = new Promise<string | undefined>((resolve, reject) => {
      const options = { port: server.port, host: "127.0.0.1", ca: authority.ca, servername: "a.test" };
      request(options, (response) => resolve(response.resume().headers.connection))
        .on("error", reject)
        .end();
    });
    await eventually(() => answers.length === 2);
    const drained = server.drain(5_000);
    for (const answer of answers) answer();
    expect((await over2).body).toBe("yes");
    expect(await over1).toBe("close");
    expect(await drained).toBe(0);
    expect(server.connections).toBe(0);
  });
});

describe("a client's certificate", () => {
  const clients = { ca: authority.ca, required: true };
  const shown = { cert: cart.certificate, key: cart.key };

  test("identifies the client over both HTTP versions", async () => {
    const { server } = await secure({ clients });
    const peer = await peerOverHttp1(server, shown);
    expect(peer.identity).toBe("spiffe://test/cart");
    expect(peer.certificate).toEqual({
      subject: "CN=cart,O=shop",
      uris: ["spiffe://test/cart"],
      names: ["cart.test"],
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const { body } = await ask(client(server, { ca: authority.ca, servername: "a.test", ...shown }), {});
    expect(JSON.parse(body)).toMatchObject({ identity: peer.identity, certificate: peer.certificate });
  });

  test.each([
    ["the URI", "O=shop,CN=cart", "URI:spiffe://test/cart,DNS:cart.test", "spiffe://test/cart"],
    ["the DNS name if there is no URI", "CN=cart", "DNS:cart.test,DNS:other.test", "cart.test"],
    ["the common name if there is neither", "O=shop,CN=cart", undefined, "cart"],
    ["nothing if there are no names", "O=shop", undefined, undefined],
  ])("gives the identity from %s", async (_name, subject, names, identity) => {
    const { server } = await secure({ clients });
    const { certificate, key } = authority.issue({ subject, ...(names && { names }) });
    expect((await peerOverHttp1(server, { cert: certificate, key })).identity).toBe(identity);
  });

  test("is refused if untrusted or expired", async () => {
    for (const required of [true, false]) {
      const { server, failures } = await secure({ clients: { ca: authority.ca, required } });
      for (const { certificate, key } of [stranger.issue(), authority.issue({ days: 0 })])
        await expect(peerOverHttp1(server, { cert: certificate, key })).rejects.toThrow("no response: ");
      await eventually(() => failures.length === 2);
    }
  });

  test("may be missing unless required", async () => {
    const { server, failures } = await secure({ clients });
    await expect(peerOverHttp1(server)).rejects.toThrow("no response: ");
    await eventually(() => failures.length === 1);
    const { server: lenient } = await secure({ clients: { ...clients, required: false } });
    const peer = await peerOverHttp1(lenient);
    expect([peer.identity, peer.certificate]).toEqual([undefined, undefined]);
    expect((await peerOverHttp1(lenient, shown)).identity).toBe("spiffe://test/cart");
  });

  test("is ignored unless requested", async () => {
    const { server } = await secure();
    expect((await peerOverHttp1(server, shown)).identity).toBeUndefined();
  });
});

test("defect: a response that broke could not be reset over TLS and raised an unhandled error", async () => {
  const source = new Source();
  const defects: unknown[] = [];
  const server = await served(({ upgrade }) => httpResponse(upgrade === undefined ? 200 : 101, source), {
    tls: { certificates: [a] },
    defect: (cause) => void defects.push(cause),
  });
  const socket = await handshake(server);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}).resume();
  socket.write(head("GET /", "Connection: Upgrade", "Upgrade: shop"));
  await once(socket, "data");
  source.break();
  await closed;
  await eventually(() => server.inFlight === 0);
  expect(defects).toEqual([]);
});

describe("update", () => {
  test("applies new certificates to new connections only", async () => {
    const { server } = await secure();
    const name = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;
    const before = await handshake(server);
    expect(name(before)).toBe("a");
    server.update({ tls: { certificates: [authority.issue({ subject: "CN=later", names: "DNS:a.test" })] } });
    expect(name(await handshake(server))).toBe("later");
    before.write(head("GET /"));
    const [chunk] = (await once(before, "data")) as [Buffer];
    expect(chunk.toString()).toContain("HTTP/1.1 200");
  });

  test("changes nothing if the settings are invalid", async () => {
    const { server } = await secure();
    expect(() => server.update({ tls: { certificates: [] } })).toThrow(RangeError);
    expect((await handshake(server)).getPeerCertificate().subject.CN).toBe("a");
    const plain = await served(() => text("yes"));
    expect(() => plain.update({ tls: { certificates: [a] } })).toThrow(
      "update: tls must be omitted for a server without TLS",
    );
  });

  test("applies a new maxConnections", async () => {
    const refused: number[] = [];
    const { server } = await secure({}, { maxConnections: 1, connectionRefused: () => void refused.push(1) });
    await handshake(server);
    await expect(handshake(server)).rejects.toThrow(/ECONNRESET|disconnected/);
    server.update({ maxConnections: 2 });
    await handshake(server);
    await expect(handshake(server)).rejects.toThrow(/ECONNRESET|disconnected/);
    server.update({});
    await handshake(server);
    expect(refused).toHaveLength(2);
  });
});

describe("plain HTTP on a TLS port", () => {
  test.each(["GET / HTTP/1.1", "OPTIONS / HTTP/1.0", "DELETE / HTTP/1.1", "CONNECT a:80 HTTP/1.1"])(
    "gets 400 in plain text: %s",
    async (line) => {
      const clock = virtualClock();
      const refused: string[] = [];
      const { server, failures } = await secure(
        {},
        { clock, requestRefused: (status, reason) => void refused.push(`${status} ${reason}`) },
      );
      const wire = await Wire.to(server, head(line));
      expect(await wire.rest()).toMatch(
        /^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\n[^]*\r\n\r\n400 plain HTTP request sent to HTTPS port\n$/,
      );
      expect(refused).toEqual(["400 plain HTTP request sent to HTTPS port"]);
      expect(failures).toHaveLength(1);
      await clock.advance(2_000);
      await eventually(() => server.connections === 0);
    },
  );
});
