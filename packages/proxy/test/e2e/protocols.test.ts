import { once } from "node:events";
import {
  connect,
  createSecureServer,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from "node:net";
import { describe, expect, test } from "vitest";
import { certified, curled, shop, tls } from "./certified.ts";
import { Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { listen, origin } from "./origin.ts";
import { curl, needs } from "./system.ts";

needs("curl");

describe("for clients,", () => {
  test("HTTP/1.1 and h2c by prior knowledge share a plain port", async () => {
    await using upstream = await origin(({ url, httpVersion }, out) => out.end(`${httpVersion} ${url}`));
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
    expect(await curled("--http1.1", `${pagoda.url}/a`)).toBe("1.1 /a 1.1");
    expect(await curled("--http2-prior-knowledge", `${pagoda.url}/b?c`)).toBe("1.1 /b?c 2");
    // Asked to upgrade from HTTP/1.1, it does not: RFC 9113 has removed this option.
    expect(await curled("--http2", `${pagoda.url}/d`)).toBe("1.1 /d 1.1");
  });

  test("HTTP/2 over TLS is negotiated by ALPN", async () => {
    await using upstream = await origin(({ headers }, out) => out.end(headers["x-forwarded-proto"]));
    using folder = certified();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
    expect(pagoda.url).toMatch(/^https:/);
    const trusted = ["--cacert", folder.file("ca.pem"), pagoda.url];
    expect(await curled("--http2", ...trusted)).toBe("https 2");
    expect(await curled("--http1.1", ...trusted)).toBe("https 1.1");
  });

  test("large uploads and downloads pass over HTTP/2", async () => {
    await using upstream = await origin((message, out) => void message.pipe(out));
    using folder = certified();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
    const big = Buffer.alloc(20_000_000, "pagoda");
    const { code, stdout } = await curl(
      ["--http2", "--cacert", folder.file("ca.pem"), "--data-binary", "@-", pagoda.url],
      { input: big },
    );
    expect(code).toBe(0);
    expect(stdout.equals(big)).toBe(true);
  });

  test("1xx and trailers pass over HTTP/2", async () => {
    await using upstream = await origin((_request, response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.writeHead(200, { trailer: "x-sum" });
      response.addTrailers({ "x-sum": "42" });
      response.end("body");
    });
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
    const said = await curled("--http2-prior-knowledge", "-i", pagoda.url);
    expect(said).toMatch(/^HTTP\/2 103 \r\nlink: <\/style.css>; rel=preload\r\n\r\nHTTP\/2 200 \r\n/);
    expect(said).toMatch(/\r\n\r\nbodyx-sum: 42\r\n 2$/);
  });
});

describe("for origins,", () => {
  test("h2c by prior knowledge uses few connections", async () => {
    const server = createServer();
    // The proxy's reachability probe also opens a connection, without a request.
    const used = new Set<unknown>();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      used.add(stream.session);
      stream.respond({ ":status": 200 });
      stream.end(`2 ${headers[":path"]}`);
    });
    await using upstream = await listen(server as unknown as Parameters<typeof listen>[0]);
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url], protocol: "http2" }));
    const client = connect(pagoda.url);
    const bodies = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const stream = client.request({ ":path": `/${at}` });
        return Buffer.concat(await stream.toArray()).toString();
      }),
    );
    client.close();
    expect(bodies).toEqual(Array.from({ length: 20 }, (_, at) => `2 /${at}`));
    expect(used.size).toBe(1);
  });

  test("HTTP/2 over TLS works with a private authority", async () => {
    const server = createSecureServer({ cert: shop.certificate, key: shop.key });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200 });
      stream.end("over TLS");
    });
    await using upstream = await listen(server as unknown as Parameters<typeof listen>[0], 0, "https");
    using folder = certified();
    const cluster = { endpoints: [upstream.url], protocol: "http2", tls: { ca: "ca.pem" } };
    await using pagoda = await configured(folder, through(cluster));
    expect(await curled(pagoda.url)).toBe("over TLS 1.1");
    const untrusting = { ...cluster, tls: {} };
    folder.write("pagoda.yaml", through(untrusting));
    const reloaded = await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
    expect(reloaded.status).toBe(200);
    expect(await curled(pagoda.url)).toMatch(/^502 cannot connect to the upstream/);
  });
});

test("defect: a client's trailers to an HTTP/2 origin could end a worker", async () => {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    let sum: string | undefined;
    stream.on("trailers", (fields) => (sum = fields["etag"]));
    stream.resume().on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(`sum ${sum}`);
    });
  });
  await using upstream = await listen(server);
  using folder = new Folder();
  const config = through({ endpoints: [upstream.url], protocol: "http2" });
  await using pagoda = await configured(folder, config);
  using wire = new Wire(pagoda.url);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  wire.send(`${head}1\r\na\r\n0\r\nte: gzip\r\netag: 1\r\netag: 2\r\n\r\n`);
  await wire.receives("sum 1, 2");
  expect(await pagoda.metric("pagoda_worker_restarts_total")).toBe(0);
});

// Defect: the connection was used as long as calls arrived, and each of them timed out.
test("a silent HTTP/2 origin is detected by PING and reconnected", async () => {
  await using upstream = await origin2();
  const sockets: Socket[] = [];
  let isSilent = false;
  const line = createTcpServer((near) => {
    const far = connectTcp(Number(new URL(upstream.url).port), "127.0.0.1");
    sockets.push(near, far);
    near.on("error", () => {}).on("data", (bytes) => isSilent || far.write(bytes));
    far.on("error", () => {}).on("data", (bytes) => isSilent || near.write(bytes));
    near.on("close", () => far.destroy());
  });
  await once(line.listen(0, "127.0.0.1"), "listening");
  using folder = new Folder();
  const { port } = line.address() as AddressInfo;
  const cluster = { endpoints: [`http://127.0.0.1:${port}`], protocol: "http2", pool: { ping: "1s" } };
  await using pagoda = await configured(folder, through(cluster, {}, { timeout: "0ms" }));
  expect(await (await fetch(pagoda.url)).text()).toBe("hello");
  isSilent = true;
  expect((await fetch(pagoda.url, { method: "POST" })).status).toBe(502);
  isSilent = false;
  expect(await (await fetch(pagoda.url)).text()).toBe("hello");
  // The probe of the proxy's own readiness has had one, too.
  expect(sockets.length).toBeGreaterThanOrEqual(4);
  line.close();
  for (const socket of sockets) socket.destroy();
});

/** An origin that greets over HTTP/2 by prior knowledge. */
async function origin2(): Promise<{ readonly url: string } & AsyncDisposable> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.end("hello");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}
