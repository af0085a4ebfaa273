import { createServer } from "node:http";
import { Readable } from "node:stream";
import { bodyFrom, httpRequest } from "@pagoda/http";
import { undici } from "@pagoda/undici";
import { EnvHttpProxyAgent, Pool, ProxyAgent } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { ending, faultOf, httpOrigin, httpProxy, listen, responseOf, textOf } from "./origin.ts";

describe("ProxyAgent", () => {
  test("forwards to an http origin, with all fields of one name", async () => {
    const { url, seen } = await httpProxy();
    const client = undici(ending(new ProxyAgent({ uri: url, token: "t1" })));
    const headers = { "x-a": ["1", "2"] };
    expect(await textOf(client, "http://shop.test/a?b", { headers })).toBe("http://shop.test/a?b");
    expect(seen[0]?.headers).toMatchObject({ "x-a": "1, 2", host: "shop.test", "proxy-authorization": "t1" });
  });

  test("opens a tunnel", async () => {
    const origin = await httpOrigin(({ headers, url }, response) => response.end(`${headers.host} ${url}`));
    const { url, seen } = await httpProxy();
    const client = undici(ending(new ProxyAgent({ uri: url, proxyTunnel: true })));
    expect(await textOf(client, `${origin}/a`)).toBe(`${origin.slice(7)} /a`);
    expect([seen[0]?.method, seen[0]?.url]).toEqual(["CONNECT", origin.slice(7)]);
  });

  test("that asks for credentials is ConnectFailed, once", async () => {
    const { url } = await httpProxy();
    const client = undici(ending(new ProxyAgent(url)));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "local",
      processed: false,
      code: "PROXY_407",
    });
    expect(client.describe().state).toEqual({ inFlight: 0, waiting: 0 });
  });

  test("that asks for credentials has read the body, which is not sent again", async () => {
    const { url } = await httpProxy();
    const client = undici(ending(new ProxyAgent(url)));
    const body = bodyFrom(Readable.from([Buffer.from("once")]));
    const fault = await faultOf(client, httpRequest("http://shop.test/", { method: "POST", body }));
    expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "PROXY_407" });
    expect(fault).not.toHaveProperty("processed");
  });

  test.each([
    [403, "local"],
    [407, "local"],
    [502, "upstream"],
    [504, "upstream"],
  ])("that answers CONNECT with %i is ConnectFailed with origin %s", async (status, origin) => {
    const server = createServer();
    server.on("connect", (_request, socket) => void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
    const client = undici(ending(new ProxyAgent({ uri: await listen(server), proxyTunnel: true })));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin,
      processed: false,
      code: `PROXY_${status}`,
    });
  });

  test("that closes the connection instead of opening a tunnel is ConnectFailed", async () => {
    const server = createServer();
    server.on("connect", (_request, socket) => void socket.end());
    const client = undici(ending(new ProxyAgent({ uri: await listen(server), proxyTunnel: true })));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "local",
      processed: false,
      code: "PROXY_ENDED",
    });
  });

  test("that does not answer CONNECT in time is ConnectFailed", async () => {
    const server = createServer();
    server.on("connect", (_request, socket) => onTestFinished(() => void socket.destroy()));
    const uri = await listen(server);
    const clientFactory = (url: URL, options: object) => new Pool(url, { ...options, headersTimeout: 50 });
    const client = undici(ending(new ProxyAgent({ uri, proxyTunnel: true, clientFactory })));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      processed: false,
      code: "CONNECT_TIMEOUT",
    });
  });

  test("that cannot be reached is ConnectFailed", async () => {
    const client = undici(ending(new ProxyAgent({ uri: "http://127.0.0.1:1", proxyTunnel: true })));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      processed: false,
      code: "ECONNREFUSED",
    });
  });

  test("refuses Proxy-Authorization in a request", async () => {
    const client = undici(ending(new ProxyAgent("http://127.0.0.1:1")));
    const request = httpRequest("http://shop.test/", { headers: { "Proxy-Authorization": "a" } });
    expect(await faultOf(client, request)).toMatchObject({ _tag: "RequestInvalid" });
    expect(client.describe().state).toEqual({ inFlight: 0, waiting: 0 });
  });

  test("is chosen by EnvHttpProxyAgent", async () => {
    const { url } = await httpProxy();
    const agent = new EnvHttpProxyAgent({ httpProxy: url, httpsProxy: url, noProxy: "", token: "t1" });
    const response = await responseOf(undici(ending(agent)), "http://shop.test/");
    expect(response.headers.get("x-via")).toBe("proxy");
    response.body.cancel();
  });
});
