import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { isLeft } from "@pagoda/core";
import { httpRequest } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { undiciClient, type UndiciClient, type UndiciClientOptions } from "../src/undici-client.ts";
import { Arrivals, held, type Held, listen, named, silent } from "./e2e/origin.ts";

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
