import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { call, keepAlive, Wire } from "./client.ts";
import { listen, origin, type Origin, rawOrigin } from "./origin.ts";
import { Pagoda, until } from "./program.ts";
import { execute, needs } from "./system.ts";

const named = (name: string): Promise<Origin> => origin((_request, response) => response.end(name));

test("upstreams get requests round robin", async () => {
  await using one = await named("one");
  await using two = await named("two");
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: `${one.url},${two.url}` });
  const answers: string[] = [];
  for (let i = 0; i < 6; i++) answers.push((await call(pagoda.url)).body);
  expect(answers).toEqual(["one", "two", "one", "two", "one", "two"]);
  for (const { url } of [one, two]) {
    expect(await pagoda.metric("http_requests_total", { method: "GET", status: "200", upstream: url })).toBe(
      3,
    );
  }
});

test("origins get X-Forwarded-For, Via, and a request id that the client gets, too", async () => {
  await using echo = await origin(({ headers }, response) => response.end(JSON.stringify(headers)));
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: echo.url });
  const { body, message } = await call(pagoda.url, {
    headers: {
      "x-forwarded-for": "8.8.8.8",
      "x-request-id": "of the client",
      connection: "x-secret",
      "x-secret": "1",
    },
  });
  const id = message.headers["x-request-id"];
  expect(id).toMatch(/^[\da-f-]{36}$/);
  const { host } = new URL(pagoda.url);
  const seen = JSON.parse(body) as Record<string, string>;
  expect(seen).toMatchObject({
    host,
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": host,
    "x-request-id": id,
    via: "1.1 pagoda",
  });
  expect(seen).not.toHaveProperty("x-secret");
});

test.each([
  ["safe ones run eight ahead", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 8],
  ["unsafe ones run one by one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 1],
] as const)("of a thousand pipelined requests, %s", async (_name, request, most) => {
  const [reached, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let [now, highest, all] = [0, 0, 0];
  await using upstream = await origin(async (_message, out) => {
    highest = Math.max(highest, ++now);
    if (now === most) reached.resolve();
    await open.promise;
    now--;
    out.end(`<${++all}>`);
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  using wire = new Wire(pagoda.url);
  wire.send(request.repeat(1_000));
  await reached.promise;
  // Anything else that was to be forwarded would have arrived by now.
  await pagoda.metric("http_requests_in_flight");
  open.resolve();
  await wire.receives("<1000>");
  expect([highest, all]).toEqual([most, 1_000]);
});

test("requests of one connection reuse one connection to the origin", async () => {
  await using counted = await named("one");
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: counted.url });
  using agent = keepAlive(1);
  for (let i = 0; i < 20; i++) expect((await call(pagoda.url, { agent })).status).toBe(200);
  // The other one, if still open, is that of the reachability probe.
  const { text } = await pagoda.admin("/stack");
  expect(text).toContain('"connections":1,"idle":1');
  expect(await pagoda.metric("connections_total", { state: "accepted" })).toBe(1);
});

test("an origin that closes every connection gets every request", async () => {
  await using closing = await origin((_request, response) => {
    response.setHeader("connection", "close");
    response.end("once");
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: closing.url });
  using agent = keepAlive(4);
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(pagoda.url, { agent })));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
});

test("pipelined requests are answered in order", async () => {
  await using echo = await origin(({ url }, response) => response.end(`<${url}>`));
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: echo.url });
  using wire = new Wire(pagoda.url);
  const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
  wire.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(""));
  await wire.receives("</49>");
  expect([...wire.text.matchAll(/<(.*?)>/g)].map(([, path]) => path)).toEqual(paths);
});

test("an HTTP/1.0 client gets a body delimited by the end of the connection", async () => {
  await using chunking = await origin((_request, response) => {
    response.write("a");
    response.end("b");
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: chunking.url });
  using wire = new Wire(pagoda.url);
  wire.send("GET / HTTP/1.0\r\n\r\n");
  await wire.closed;
  expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(wire.text).not.toMatch(/transfer-encoding/i);
  expect(wire.text.endsWith("\r\n\r\nab")).toBe(true);
});

test("a response delimited by the end of its connection is complete", async () => {
  await using old = await rawOrigin((socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nall of it"));
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: old.url });
  expect(await call(pagoda.url)).toMatchObject({ status: 200, body: "all of it" });
});

test("Node's fetch works through the proxy: JSON, form data, streams up and down", async () => {
  await using echo = await origin((request, response) => {
    response.setHeader("content-type", request.headers["content-type"] ?? "none");
    request.pipe(response);
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: echo.url });
  const post = (body: string | FormData | ReadableStream): Promise<Response> =>
    fetch(pagoda.url, { method: "POST", body, duplex: "half" } as RequestInit);

  expect(await (await post(JSON.stringify({ a: [1, 2] }))).json()).toEqual({ a: [1, 2] });

  const form = new FormData();
  form.set("name", "Grüße");
  form.set("file", new Blob(["content"]), "a.txt");
  const returned = await (await post(form)).formData();
  expect(returned.get("name")).toBe("Grüße");
  expect(await (returned.get("file") as Blob).text()).toBe("content");

  const pieces = ["one ", "two ", "three"];
  expect(await (await post(ReadableStream.from(pieces.map((text) => Buffer.from(text))))).text()).toBe(
    pieces.join(""),
  );
});

test("request and response bodies stream at the same time", async () => {
  await using echo = await origin((request, response) => {
    response.flushHeaders();
    request.pipe(response);
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: echo.url });
  using wire = new Wire(pagoda.url);
  wire.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  // Each piece is sent only after the previous one has returned.
  for (const piece of ["first", "other", "third"]) {
    wire.send(`5\r\n${piece}\r\n`);
    await wire.receives(piece);
  }
  wire.send("0\r\n\r\n");
  await wire.receives("\r\n0\r\n\r\n");
});

describe("an https upstream", () => {
  let folder: string;

  needs("openssl");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pagoda-tls-"));
    return () => rmSync(folder, { recursive: true });
  });

  const file = (name: string): string => join(folder, name);

  async function openssl(command: string): Promise<void> {
    const { code, stderr } = await execute("openssl", command.split(" "), { cwd: folder });
    if (code !== 0) throw new Error(`openssl ${command}: ${stderr}`);
  }

  /** An origin with a certificate for 127.0.0.1 from its own authority. */
  async function secured(): Promise<Origin> {
    const key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc";
    await openssl(`req -x509 ${key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem`);
    await openssl(`req ${key} -subj /CN=origin -keyout key.pem -out request.pem`);
    writeFileSync(file("extensions"), "subjectAltName=IP:127.0.0.1\n");
    const signing = "-CA ca.pem -CAkey ca.key -days 2 -extfile extensions";
    await openssl(`x509 -req -in request.pem ${signing} -out cert.pem`);
    const server = createTlsServer(
      { key: readFileSync(file("key.pem")), cert: readFileSync(file("cert.pem")) },
      ({ headers, method }, response) => response.end(`${method} over TLS for ${headers.host}`),
    );
    return listen(server, 0, "https");
  }

  test("with a trusted authority is called over TLS", async () => {
    await using upstream = await secured();
    await using pagoda = await Pagoda.start({
      PROXY_UPSTREAM_ADDRS: upstream.url,
      NODE_EXTRA_CA_CERTS: file("ca.pem"),
    });
    const headers = { host: "shop.example" };
    expect(await call(pagoda.url, { headers })).toMatchObject({
      status: 200,
      body: "GET over TLS for shop.example",
    });
    // What undici cannot send takes another path, over TLS as well.
    expect(
      await call(pagoda.url, { method: "POST", headers: { ...headers, expect: "100-continue" } }),
    ).toMatchObject({ status: 200, body: "POST over TLS for shop.example" });
  });

  test("with an untrusted authority gets no request: 502", async () => {
    await using upstream = await secured();
    await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url, LOG_LEVEL: "debug" });
    const { status, body } = await call(pagoda.url);
    expect(status).toBe(502);
    expect(body).toMatch(/^502 cannot connect to the upstream\nrequest id: [\da-f-]{36}\n$/);
    const { fault } = await pagoda.log("GET / 502");
    expect(fault).toMatchObject({ tag: "ConnectFailed", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  });
});

test("PROXY_MAX_CONNECTIONS is enforced, and refused connections are counted", async () => {
  await using upstream = await named("one");
  await using pagoda = await Pagoda.start({
    PROXY_UPSTREAM_ADDRS: upstream.url,
    PROXY_MAX_CONNECTIONS: "2",
  });
  const ask = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  using first = new Wire(pagoda.url);
  using second = new Wire(pagoda.url);
  for (const wire of [first, second]) {
    wire.send(ask);
    await wire.receives("\r\n\r\none");
  }
  using third = new Wire(pagoda.url);
  third.send(ask);
  await third.closed;
  expect(third.text).toBe("");
  const rejected = (): Promise<number> => pagoda.metric("connections_total", { state: "rejected" });
  expect(await rejected()).toBe(1);
  expect(await pagoda.metric("connections_total", { state: "accepted" })).toBe(2);
  expect(await pagoda.metric("connections_active")).toBe(2);

  first.socket.end();
  await until(
    () => pagoda.metric("connections_active"),
    (open) => open === 1,
  );
  using fourth = new Wire(pagoda.url);
  fourth.send(ask);
  await fourth.receives("\r\n\r\none");
  expect(await rejected()).toBe(1);
});
