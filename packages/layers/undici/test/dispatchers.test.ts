import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { gzipSync } from "node:zlib";
import type { TLSSocket } from "node:tls";
import { httpRequest } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { undici } from "@pagoda/undici";
import { Agent, Client, interceptors, MockAgent, Pool } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { ending, faultOf, httpOrigin, listen, responseOf, textOf } from "./origin.ts";

const hello = () => httpOrigin((request, response) => response.end(`${request.headers.host} ${request.url}`));

describe("without an origin", () => {
  test("calls the authority of each request", async () => {
    const [one, other] = [await hello(), await hello()];
    const client = undici(ending(new Agent()));
    for (const url of [one, other]) {
      const request = httpRequest(`${url}/a?b`);
      await client.call(request).then((result) => result._tag === "Right" && result.right.body.cancel());
      expect(request.notes).toMatchObject({ upstream: url, tries: 1 });
      expect(await textOf(client, `${url}/a?b`)).toBe(`${url.slice(7)} /a?b`);
    }
  });

  test.each(["", "user@a.test", "a.test/path", "a b"])("refuses the authority %j", async (authority) => {
    const request = { ...httpRequest("http://a.test/"), authority };
    expect(await faultOf(undici(ending(new Agent())), request)).toMatchObject({
      _tag: "RequestInvalid",
      origin: "local",
      reason: `invalid authority "${authority}"`,
    });
  });
});

test("an origin beyond the dispatcher's maxOrigins is ConnectFailed with origin local", async () => {
  const client = undici(ending(new Agent({ maxOrigins: 1 })));
  await textOf(client, await hello());
  expect(await faultOf(client, httpRequest(await hello()))).toMatchObject({
    _tag: "ConnectFailed",
    origin: "local",
    code: "UND_ERR_MAX_ORIGINS_REACHED",
  });
});

describe("with an origin", () => {
  test.each([
    ["Agent", () => new Agent()],
    ["Pool", (url: string) => new Pool(url)],
    ["Client", (url: string) => new Client(url)],
  ])("%s calls it, whatever the authority", async (_name, make) => {
    const url = await hello();
    const client = undici(ending(make(url)), { origin: url });
    expect(await textOf(client, "https://shop.test/a")).toBe("shop.test /a");
  });

  test.each(["*", "http://other.test/", ""])("refuses the path %j", async (path) => {
    const client = undici(ending(new Agent()), { origin: "http://127.0.0.1:1" });
    expect(await faultOf(client, { ...httpRequest("http://a.test/"), path })).toMatchObject({
      _tag: "RequestInvalid",
      reason: `invalid target "${path}"`,
    });
  });
});

describe("TLS", () => {
  test.each([
    ["from the origin", "localhost", undefined],
    ["from the option, for an IP address", "127.0.0.1", "localhost"],
  ])("takes the server's name %s, not from Host, and keeps the connection", async (_, host, servername) => {
    const { ca, issue } = testAuthority();
    const { certificate: cert, key } = issue({ names: "DNS:localhost" });
    const names = new Set<unknown>();
    const sockets = new Set<unknown>();
    const server = createHttpsServer({ cert, key }, ({ socket }, response) => {
      names.add((socket as TLSSocket & { servername?: string }).servername);
      sockets.add(socket);
      response.end("ok");
    });
    const origin = (await listen(server, "https")).replace("127.0.0.1", host);
    const agent = ending(new Agent({ connections: 1, connect: { ca }, allowH2: false }));
    const client = undici(agent, { origin, ...(servername !== undefined && { servername }) });
    for (const host of ["a.test", "b.test"]) expect(await textOf(client, `http://${host}/`)).toBe("ok");
    expect([[...names], sockets.size]).toEqual([["localhost"], 1]);
  });

  test("HTTP/2 is negotiated if both sides allow it", async () => {
    const { ca, issue } = testAuthority();
    const { certificate: cert, key } = issue({ names: "DNS:localhost" });
    const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
      response.end(`HTTP/${request.httpVersion} ${request.authority}`);
    });
    const sessions: ServerHttp2Session[] = [];
    server.on("session", (session) => sessions.push(session));
    onTestFinished(() => sessions.forEach((session) => session.destroy()));
    const origin = (await listen(server, "https")).replace("127.0.0.1", "localhost");
    for (const [allowH2, version] of [
      [true, "2.0"],
      [false, "1.1"],
    ] as const) {
      const client = undici(ending(new Agent({ connect: { ca }, allowH2 })), { origin });
      const text = await textOf(client, "http://a.test/");
      expect(text.startsWith(`HTTP/${version}`)).toBe(true);
    }
  });

  test("a certificate that is not trusted is ConnectFailed", async () => {
    const { certificate: cert, key } = testAuthority().issue({ names: "DNS:localhost" });
    const origin = (await listen(createHttpsServer({ cert, key }), "https")).replace(
      "127.0.0.1",
      "localhost",
    );
    const client = undici(ending(new Agent()), { origin });
    expect(await faultOf(client, httpRequest("http://a.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      processed: false,
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });
});

describe("MockAgent", () => {
  function mocked() {
    const agent = ending(new MockAgent());
    agent.disableNetConnect();
    return { pool: agent.get("http://shop.test"), client: undici(agent) };
  }

  test("replies", async () => {
    const { pool, client } = mocked();
    pool
      .intercept({ path: "/a", method: "POST" })
      .reply(201, "made", { headers: { "x-a": "1" }, trailers: { "x-sum": "4" } });
    const response = await responseOf(client, "http://shop.test/a", { method: "POST", body: "hello" });
    expect([response.status, response.headers.get("x-a")]).toEqual([201, "1"]);
    expect(await response.body.text()).toMatchObject({ right: "made" });
  });

  test("replies with an error", async () => {
    const { pool, client } = mocked();
    pool.intercept({ path: "/" }).replyWithError(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      code: "ECONNREFUSED",
    });
  });

  test.each([
    ["itself", { code: "EMFILE" }],
    ["its cause", { code: "UND_ERR_OTHER", cause: { code: "EADDRNOTAVAIL" } }],
  ])("an error with %s a failure of this machine has origin local", async (_what, fields) => {
    const { pool, client } = mocked();
    pool.intercept({ path: "/" }).replyWithError(Object.assign(new Error("no"), fields));
    expect(await faultOf(client, httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "local",
      code: fields.code,
    });
  });

  test("a request without a mock is a defect of the test", async () => {
    const { client } = mocked();
    await expect(client.call(httpRequest("http://shop.test/none"))).rejects.toThrow(
      /Mock dispatch not matched/,
    );
    expect(client.describe().state).toEqual({ inFlight: 0, waiting: 0 });
  });
});

test("interceptors apply", async () => {
  const url = await httpOrigin((_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("some text")),
  );
  const client = undici(ending(new Agent()).compose(interceptors.decompress()));
  const response = await responseOf(client, url);
  expect(response.headers.has("content-encoding")).toBe(false);
  expect(await response.body.text()).toMatchObject({ right: "some text" });
});

test.each(["close", "destroy"] as const)(
  "after %s calls are ConnectFailed with origin local",
  async (end) => {
    const agent = new Agent();
    await agent[end]();
    expect(await faultOf(undici(agent), httpRequest("http://shop.test/"))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "local",
      retryable: true,
      processed: false,
      code: "CLOSED",
    });
  },
);
