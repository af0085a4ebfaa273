import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { isLeft } from "@pagoda/core";
import { httpRequest } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { undiciClient, type UndiciClient, type UndiciClientOptions } from "../src/undici-client.ts";
import { type ForwardProxy, forwardProxy } from "./e2e/forward-proxy.ts";
import { Arrivals, held, type Held, listen, named, rawOrigin, refusing, silent } from "./e2e/origin.ts";
import { until } from "./e2e/program.ts";
import { quietPort } from "./e2e/quiet-port.ts";

async function textOf(client: UndiciClient, url: string): Promise<string> {
  const result = await client.call(httpRequest(url));
  if (isLeft(result)) throw new Error(result.left._tag, { cause: result.left });
  const text = await result.right.body.text();
  if (isLeft(text)) throw new Error(text.left._tag, { cause: text.left });
  return text.right;
}

async function faultOf(client: UndiciClient): Promise<unknown> {
  const result = await client.call(httpRequest("http://any.test/"));
  if (!isLeft(result)) throw new Error(`no fault: ${result.right.status}`);
  return result.left;
}

/** The proxy's URL with credentials. */
function proxyUrl({ url }: ForwardProxy, credentials: string): string {
  return url.replace("//", `//${credentials}@`);
}

const authority = testAuthority();

/** An origin that shows who called it, by which name and over which connection. */
function secure(names: string) {
  const { certificate: cert, key } = authority.issue({ names });
  const sockets = new Set<unknown>();
  const clients = { ca: authority.ca, requestCert: true, rejectUnauthorized: false };
  const server = createServer({ cert, key, ...clients }, (request, response) => {
    sockets.add(request.socket);
    const { servername } = request.socket as TLSSocket & { servername?: string | false };
    const client = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "none";
    response.end(`${request.headers.host} as ${servername}, client ${client}, ${sockets.size}`);
  });
  return listen(server, 0, "https");
}

describe("over TLS", () => {
  test.each<[string, string, UndiciClientOptions["tls"], string | boolean]>([
    ["the origin's address", "IP:127.0.0.1", {}, false],
    ["another name", "DNS:api.test", { servername: "api.test" }, "api.test"],
    ["one of several names", "URI:spiffe://mesh/api", { sans: [{ uri: "spiffe://mesh/*" }] }, false],
  ])("the certificate must be for %s, whatever the Host", async (_, names, tls, servername) => {
    await using origin = await secure(names);
    const client = undiciClient(origin.url, { tls: { ca: authority.ca, ...tls }, maxConnections: 1 });
    for (const host of ["a.test", "b.test"])
      expect(await textOf(client, `http://${host}/`)).toBe(`${host} as ${servername}, client none, 1`);
    await client.close();
  });

  test("the certificate for a name in Host does not do", async () => {
    await using origin = await secure("DNS:any.test");
    const client = undiciClient(origin.url, { tls: { ca: authority.ca } });
    expect(await faultOf(client)).toMatchObject({
      _tag: "ConnectFailed",
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      processed: false,
    });
    await client.close();
  });

  test("an unknown authority is refused", async () => {
    await using origin = await secure("IP:127.0.0.1");
    const client = undiciClient(origin.url);
    expect(await faultOf(client)).toMatchObject({ _tag: "ConnectFailed", origin: "upstream" });
    await client.close();
  });

  test("a client certificate is presented", async () => {
    await using origin = await secure("IP:127.0.0.1");
    const tls = { ca: authority.ca, ...authority.issue({ subject: "CN=pagoda" }) };
    const client = undiciClient(origin.url, { tls });
    expect(await textOf(client, "http://a.test/")).toBe("a.test as false, client pagoda, 1");
    await client.close();
  });
});

test("an origin that does not accept the connection in time is ConnectFailed", async () => {
  await using origin = await silent();
  const client = undiciClient(origin.url, { connectTimeoutMs: 50 });
  expect(await faultOf(client)).toMatchObject({ _tag: "ConnectFailed", code: "CONNECT_TIMEOUT" });
  await client.close();
});

test("close lets a call in flight finish, and refuses new ones", async () => {
  const arrivals = new Arrivals<Held>();
  await using origin = await held(arrivals);
  const client = undiciClient(origin.url);
  const text = textOf(client, "http://a.test/");
  const { response } = await arrivals.next();
  const closing = client.close();
  expect(await faultOf(client)).toMatchObject({ _tag: "ConnectFailed", origin: "local", code: "CLOSED" });
  response.end("done");
  expect(await text).toBe("done");
  await closing;
});

test("the origin decides where a call goes, and maxConnections how many do", async () => {
  await using origin = await named("it");
  const client = undiciClient(origin.url, { maxConnections: 1 });
  const first = textOf(client, "http://elsewhere.test/");
  expect(await faultOf(client)).toMatchObject({ _tag: "PoolExhausted", origin: "local" });
  expect(await first).toBe("it");
  await client.close();
});

describe("through a proxy", () => {
  const tls = { ca: authority.ca, servername: "api.test" };

  test("an https origin is called in a tunnel, and the certificate must be its own", async () => {
    await using origin = await secure("DNS:api.test");
    await using proxy = await forwardProxy("ann:p@ss");
    const options = { proxy: proxyUrl(proxy, "ann:p%40ss"), maxConnections: 1 };
    const client = undiciClient(`https://api.example:${origin.port}`, { ...options, tls });
    for (const host of ["a.test", "b.test"])
      expect(await textOf(client, `http://${host}/`)).toBe(`${host} as api.test, client none, 1`);
    // Its name is resolved by the proxy.
    expect(proxy.seen).toEqual([`CONNECT api.example:${origin.port}`]);
    const state = { inFlight: 0, waiting: 0, connections: 1, idle: 1 };
    await until(
      async () => client.describe().state,
      (seen) => isDeepStrictEqual(seen, state),
    );
    expect(client.describe().options).toMatchObject({ servername: "api.test", proxy: proxy.url });
    await client.close();
    const other = undiciClient(origin.url, { ...options, tls: { ...tls, servername: "other.test" } });
    expect(await faultOf(other)).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    await other.close();
  });

  test("an http origin gets its own authority as Host, as in the request to the proxy", async () => {
    await using origin = await listen(
      createHttpServer((request, response) => response.end(`${request.headers.host} ${request.url}`)),
    );
    await using proxy = await forwardProxy();
    const client = undiciClient(`http://api.example:${origin.port}`, { proxy: proxy.url });
    expect(await textOf(client, "http://a.test/b?c")).toBe(`api.example:${origin.port} /b?c`);
    expect(proxy.seen).toEqual([`GET http://api.example:${origin.port}/b?c`]);
    expect(client.describe()).toMatchObject({ state: { connections: 1 } });
    await client.close();
  });

  test.each(["http", "https"])("wrong credentials do not count against the %s origin", async (scheme) => {
    await using proxy = await forwardProxy("ann:hunter");
    const client = undiciClient(`${scheme}://api.test`, { proxy: proxyUrl(proxy, "ann:wrong") });
    expect(await faultOf(client)).toMatchObject({
      _tag: "ConnectFailed",
      origin: "local",
      processed: false,
      code: "PROXY_407",
    });
    await client.close();
  });

  test.each(["http", "https"])(
    "an unreachable proxy does not count against the %s origin",
    async (scheme) => {
      const client = undiciClient(`${scheme}://api.test`, { proxy: refusing });
      expect(await faultOf(client)).toMatchObject({
        _tag: "ConnectFailed",
        origin: "local",
        processed: false,
        code: "PROXY_ECONNREFUSED",
      });
      await client.close();
    },
  );

  test.each([
    ["does not accept the connection", silent, "local", "PROXY_CONNECT_TIMEOUT"],
    ["does not answer", () => rawOrigin(() => {}), "upstream", "CONNECT_TIMEOUT"],
  ])("a proxy that %s is bounded by the connect timeout", async (_, open, origin, code) => {
    await using proxy = await open();
    const client = undiciClient("https://api.test", { proxy: proxy.url, connectTimeoutMs: 50 });
    expect(await faultOf(client)).toMatchObject({ _tag: "ConnectFailed", origin, processed: false, code });
    await client.close();
  });

  test("an origin that the proxy cannot reach is a fault of the origin", async () => {
    await using proxy = await forwardProxy();
    const client = undiciClient(`https://api.test:${await quietPort()}`, { proxy: proxy.url });
    expect(await faultOf(client)).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      code: "PROXY_502",
    });
    await client.close();
  });

  test("a broken tunnel is a fault of the origin", async () => {
    const arrivals = new Arrivals<Held>();
    const { certificate: cert, key } = authority.issue({ names: "DNS:api.test" });
    const server = createServer({ cert, key }, (request, response) => arrivals.add({ request, response }));
    await using origin = await listen(server, 0, "https");
    await using proxy = await forwardProxy();
    const client = undiciClient(origin.url, { proxy: proxy.url, tls });
    const fault = faultOf(client);
    await arrivals.next();
    for (const tunnel of proxy.tunnels) tunnel.destroy();
    expect(await fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream" });
    await client.close();
  });
});
