import { once } from "node:events";
import { connect, createServer, createSecureServer, type ServerHttp2Stream } from "node:http2";
import { testAuthority } from "@pagoda/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { Wire } from "./client.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { listen, origin } from "./origin.ts";
import { curl, execute, need } from "./system.ts";

const authority = testAuthority();
const shop = authority.issue({ subject: "CN=shop", names: "DNS:shop.test,IP:127.0.0.1" });
const cart = authority.issue({ subject: "CN=cart", names: "URI:spiffe://test/cart" });

beforeAll(() => {
  need("curl");
  need("openssl");
});

/** A folder with certificates. */
function certified(): Folder {
  const folder = new Folder();
  folder.write("ca.pem", authority.ca);
  for (const [name, { certificate, key }] of Object.entries({ shop, cart })) {
    folder.write(`${name}.pem`, certificate);
    folder.write(`${name}.key`, key);
  }
  return folder;
}

const tls = { certificates: [{ certificate: "shop.pem", key: "shop.key" }] };

/** What curl says of the version, beside the body. */
const version = ["-w", " %{http_version}"];

async function curled(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await curl([...version, ...args]);
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
  return stdout.toString();
}

describe("towards clients", () => {
  test("HTTP/1.1 and h2c by prior knowledge share a plain port", async () => {
    await using upstream = await origin(({ url, httpVersion }, out) => out.end(`${httpVersion} ${url}`));
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
    expect(await curled("--http1.1", `${pagoda.url}/a`)).toBe("1.1 /a 1.1");
    expect(await curled("--http2-prior-knowledge", `${pagoda.url}/b?c`)).toBe("1.1 /b?c 2");
    // Asked to go over from HTTP/1.1, it stays with that: RFC 9113 has taken this way out.
    expect(await curled("--http2", `${pagoda.url}/d`)).toBe("1.1 /d 1.1");
  });

  test("HTTP/2 over TLS is the client's choice (ALPN)", async () => {
    await using upstream = await origin(({ headers }, out) => out.end(headers["x-forwarded-proto"]));
    using folder = certified();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
    expect(pagoda.url).toMatch(/^https:/);
    const trusted = ["--cacert", folder.file("ca.pem"), pagoda.url];
    expect(await curled("--http2", ...trusted)).toBe("https 2");
    expect(await curled("--http1.1", ...trusted)).toBe("https 1.1");
  });

  test("a large upload and download pass over HTTP/2", async () => {
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

  test("TLS has at least version 1.2, and the one that is configured", async () => {
    await using upstream = await origin((_message, out) => out.end("yes"));
    using folder = certified();
    const strict = { ...tls, minVersion: "TLSv1.3" };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls: strict }));
    const { host } = new URL(pagoda.url);
    const handshake = async (...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await execute(
        "openssl",
        ["s_client", "-connect", host, "-CAfile", folder.file("ca.pem"), ...args],
        { input: Buffer.from("Q\n") },
      );
      return stdout.toString() + stderr;
    };
    expect(await handshake("-tls1_3")).toContain("Verify return code: 0 (ok)");
    expect(await handshake("-tls1_2")).toMatch(/alert protocol version/);
  });

  test("the certificate is chosen by the name that is asked for (SNI)", async () => {
    const other = authority.issue({ subject: "CN=other", names: "DNS:other.test" });
    using folder = certified();
    folder.write("other.pem", other.certificate);
    folder.write("other.key", other.key);
    const both = { certificates: [...tls.certificates, { certificate: "other.pem", key: "other.key" }] };
    await using upstream = await origin((_message, out) => out.end("yes"));
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls: both }));
    const { host } = new URL(pagoda.url);
    for (const [name, subject] of [
      ["shop.test", "shop"],
      ["other.test", "other"],
      ["unknown.test", "shop"],
    ] as const) {
      const { stdout } = await execute("openssl", ["s_client", "-connect", host, "-servername", name], {
        input: Buffer.from("Q\n"),
      });
      expect(stdout.toString()).toMatch(new RegExp(`subject=CN ?= ?${subject}\n`));
    }
  });

  test("clients show certificates, and routes go by who they are", async () => {
    await using upstream = await origin(({ headers }, out) =>
      out.end(String(headers["x-forwarded-client-cert"])),
    );
    using folder = certified();
    const mutual = { ...tls, clients: { ca: "ca.pem", required: false } };
    const authorize = {
      rules: [{ name: "cart", effect: "allow", from: { identities: ["spiffe://test/cart"] } }],
    };
    const config = through({ endpoints: [upstream.url] }, { tls: mutual, policies: { authorize } });
    await using pagoda = await configured(folder, config);
    const ca = ["--cacert", folder.file("ca.pem")];
    const shown = ["--cert", folder.file("cart.pem"), "--key", folder.file("cart.key")];
    for (const http of ["--http1.1", "--http2"]) {
      expect(await curled(http, ...ca, ...shown, pagoda.url)).toMatch(
        /^Hash=[\da-f]{64};Subject="CN=cart";URI=spiffe:\/\/test\/cart /,
      );
      expect(await curled(http, ...ca, pagoda.url)).toMatch(/^403 access is denied/);
    }
    expect(await pagoda.metric("stack_events_total", { layer: "authorize", event: "denied" })).toBe(2);
    const stranger = testAuthority("stranger").issue();
    folder.write("stranger.pem", stranger.certificate);
    folder.write("stranger.key", stranger.key);
    const unknown = ["--cert", folder.file("stranger.pem"), "--key", folder.file("stranger.key")];
    await expect(curled(...ca, ...unknown, pagoda.url)).rejects.toThrow(/curl ended with/);
    expect(await pagoda.metric("tls_handshakes_failed_total")).toBe(1);
  });
});

test("routes and limits go by the client's certificate, and nobody can claim one", async () => {
  using folder = certified();
  const named = "x-forwarded-client-cert";
  const config = {
    listeners: [
      {
        ...anywhere,
        name: "main",
        tls: { ...tls, clients: { ca: "ca.pem", required: false } },
        policies: { rateLimit: { perClient: { rate: "1/h", burst: 2, by: "identity" } } },
        routes: [
          {
            ...says("to the cart", "cart"),
            match: { headers: [{ name: named, contains: "URI=spiffe://test/cart" }] },
          },
          says("to others", "others"),
        ],
      },
    ],
  };
  await using pagoda = await configured(folder, config);
  const shown = ["--cert", folder.file("cart.pem"), "--key", folder.file("cart.key")];
  const ask = (...args: readonly string[]): Promise<string> =>
    curled("--cacert", folder.file("ca.pem"), ...args, pagoda.url);
  const claimed = ["-H", `${named}: URI=spiffe://test/cart`];
  expect(await ask(...claimed)).toMatch(/^to others/);
  expect(await ask(...shown)).toMatch(/^to the cart/);
  expect(await ask(...shown)).toMatch(/^to the cart/);
  expect(await ask(...shown)).toMatch(/^429/);
  // Another client, by its address.
  expect(await ask()).toMatch(/^to others/);
});

describe("towards origins", () => {
  test("h2c by prior knowledge, on few connections", async () => {
    const server = createServer();
    // The proxy looks whether it can be reached, too: that is a connection without a request.
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

  test("HTTP/2 over TLS, trusted by a private authority", async () => {
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
    expect(await curled(pagoda.url)).toMatch(/^502 the upstream could not be reached/);
  });
});

test("defect: a client's trailers could end a worker, on the way to an HTTP/2 origin", async () => {
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

test("a certificate replaced on disk is served to new connections within 2 s, and old ones live on", async () => {
  await using upstream = await origin((_message, out) => out.end("yes"));
  using folder = certified();
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
  const subject = async (): Promise<string> => {
    const { stdout } = await execute("openssl", ["s_client", "-connect", new URL(pagoda.url).host], {
      input: Buffer.from("Q\n"),
    });
    return /subject=CN ?= ?(\w+)/.exec(stdout.toString())?.[1] ?? "none";
  };
  const old = connect(pagoda.url, { ca: authority.ca });
  await once(old, "connect");
  expect(await subject()).toBe("shop");
  const later = authority.issue({ subject: "CN=later", names: "DNS:shop.test,IP:127.0.0.1" });
  const since = performance.now();
  folder.write("shop.pem", later.certificate);
  folder.write("shop.key", later.key);
  await pagoda.log("the configuration is taken over");
  expect(performance.now() - since).toBeLessThan(2_000);
  expect(await subject()).toBe("later");
  const stream = old.request({ ":path": "/" });
  expect(Buffer.concat(await stream.toArray()).toString()).toBe("yes");
  old.close();
});
