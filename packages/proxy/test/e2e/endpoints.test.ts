import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { TLSSocket } from "node:tls";
import { testAuthority } from "@pagoda/http/testing";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { bodies, call } from "./client.ts";
import { anywhere, configured, Folder, through } from "./configured.ts";
import { openDns } from "./dns.ts";
import { Arrivals, held, type Held, listen, named, type Origin, origin, refusing } from "./origin.ts";
import { until } from "./program.ts";

describe("endpoints", () => {
  test("from DNS follow its answers", async () => {
    await using one = await named("one");
    const second = createServer((_request, response) => response.end("two"));
    await using _two = await listen(second, one.port, "http", "127.0.0.2");
    using dns = await openDns();
    const at = (data: string) => ({ name: "shop.test", type: "A", ttl: 1, data }) as const;
    dns.records.push(at("127.0.0.1"));
    using folder = new Folder();
    const cluster = { dns: { host: "shop.test", port: one.port, servers: [dns.address] } };
    await using pagoda = await configured(folder, through(cluster));
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    dns.records.splice(0, 1, at("127.0.0.2"));
    await until(
      () => bodies(pagoda.url, 2),
      (seen) => seen.every((body) => body === "two"),
    );
  });

  test("from SRV records have their ports and weights", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using dns = await openDns();
    const name = "_http._tcp.shop.test";
    for (const [target, { port }, weight] of [
      ["a.test", one, 3],
      ["b.test", two, 1],
    ] as const)
      dns.records.push(
        { name, type: "SRV", ttl: 60, data: { target, port, weight, priority: 0 } },
        { name: target, type: "A", ttl: 60, data: "127.0.0.1" },
      );
    using folder = new Folder();
    const cluster = { srv: { name, servers: [dns.address] }, balance: "weighted-round-robin" };
    await using pagoda = await configured(folder, through(cluster));
    const seen = await bodies(pagoda.url, 40);
    expect(seen.filter((body) => body === "one")).toHaveLength(30);
  });

  test("from a file follow its changes", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const entry = ({ url }: Origin): object => ({ key: url });
    folder.write("shop.json", [entry(one)]);
    await using pagoda = await configured(folder, through({ file: "shop.json" }));
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    folder.write("shop.json", [entry(one), entry(two)]);
    await until(
      () => bodies(pagoda.url, 4),
      (seen) => seen.includes("two"),
    );
  });

  test("are skipped and logged if they are invalid, and the others serve", async () => {
    await using one = await named("one");
    using folder = new Folder();
    folder.write("shop.json", ["10.0.0.1:8080", one.url, { key: "ftp://a" }]);
    await using pagoda = await configured(folder, through({ file: "shop.json" }), { PROXY_WORKERS: "2" });
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
    const line = await pagoda.log("invalid endpoints left out");
    expect(line).toMatchObject({
      level: 40,
      cluster: "origin",
      known: 1,
      fault: {
        problems: [
          '[0] must be http://HOST:PORT or https://HOST:PORT, without a path (got "10.0.0.1:8080")',
          '[2].key must be http://HOST:PORT or https://HOST:PORT, without a path (got "ftp://a")',
        ],
      },
    });
    folder.write("shop.json", ["10.0.0.1:8080"]);
    await pagoda.log("endpoint discovery failed; keeping the last known endpoints");
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
    expect(await pagoda.metric("pagoda_worker_restarts_total", { reason: "crash" })).toBe(0);
  });

  test("survive a reload while DNS is down", async () => {
    await using one = await named("one");
    using folder = new Folder();
    const dns = await openDns();
    dns.records.push({ name: "shop.test", type: "A", ttl: 60, data: "127.0.0.1" });
    const cluster = (more: object): object =>
      through({ dns: { host: "shop.test", port: one.port, servers: [dns.address] }, ...more });
    await using pagoda = await configured(folder, cluster({}), { PROXY_WORKERS: "2" });
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    dns[Symbol.dispose]();
    folder.write("pagoda.yaml", cluster({ balance: "peak-ewma" }));
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    expect(await bodies(pagoda.url, 8)).toEqual(Array.from({ length: 8 }, () => "one"));
  });

  test("survive the death of a worker while DNS is down", async () => {
    await using one = await named("one");
    using folder = new Folder();
    const dns = await openDns();
    dns.records.push({ name: "shop.test", type: "A", ttl: 60, data: "127.0.0.1" });
    const cluster = { dns: { host: "shop.test", port: one.port, servers: [dns.address] } };
    await using pagoda = await configured(folder, through(cluster), { PROXY_WORKERS: "1" });
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    dns[Symbol.dispose]();
    const { inner } = JSON.parse((await pagoda.admin("/stack")).text) as {
      readonly inner: readonly [{ readonly options: { readonly pid: number } }];
    };
    process.kill(inner[0].options.pid, "SIGKILL");
    await pagoda.log("worker restarted");
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
  });

  test("from a missing file are logged with its name, and appear with the file", async () => {
    await using one = await named("one");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ file: "shop.json" }));
    const fault = { _tag: "FileUnreadable", code: "ENOENT", path: folder.file("shop.json") };
    const line = await pagoda.log("endpoint discovery failed; no endpoint is known");
    expect(line).toMatchObject({ level: 40, cluster: "origin", fault });
    const refused = await call(pagoda.url);
    expect([refused.status, refused.body]).toEqual([
      503,
      expect.stringMatching(/^503 no upstream available/),
    ]);
    folder.write("shop.json", [{ key: one.url }]);
    await until(
      () => call(pagoda.url),
      ({ body }) => body === "one",
    );
    folder.write("shop.json", "[{");
    expect(await pagoda.log("keeping the last known endpoints")).toMatchObject({ known: 1 });
    expect((await call(pagoda.url)).body).toBe("one");
  });

  test("that fail more often than the others are ejected, and few clients see errors", async () => {
    await using bad = await origin((_message, out) => out.writeHead(500).end("bad"));
    await using good = await named("good");
    using folder = new Folder();
    const cluster = {
      endpoints: [bad.url, good.url],
      outliers: { consecutiveFailures: 3, ejection: "1h", maxEjection: "1h" },
    };
    await using pagoda = await configured(folder, through(cluster));
    await bodies(pagoda.url, 6);
    await pagoda.log("endpoint ejected");
    expect(await bodies(pagoda.url, 6)).toEqual(Array.from({ length: 6 }, () => "good"));
    expect((await pagoda.admin("/clusters")).text).toMatch(/"healthy":false,"reason":"[^"]*eject/);
  });

  test("that request a client certificate get one, and untrusted ones get no call", async () => {
    const authority = testAuthority();
    const own = authority.issue({ subject: "CN=pagoda", names: "URI:spiffe://test/pagoda" });
    const server = authority.issue({ names: "IP:127.0.0.1" });
    const options = { cert: server.certificate, key: server.key, ca: authority.ca, requestCert: true };
    await using upstream = await listen(
      createTlsServer(options, ({ socket }, out) => {
        if (!(socket instanceof TLSSocket)) return void out.end("no TLS");
        out.end(String(socket.getPeerCertificate().subject.CN));
      }),
      0,
      "https",
    );
    using folder = new Folder();
    folder.write("ca.pem", authority.ca);
    folder.write("own.pem", own.certificate);
    folder.write("own.key", own.key);
    const tls = { ca: "ca.pem", certificate: "own.pem", key: "own.key" };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url], tls }));
    expect((await call(pagoda.url)).body).toBe("pagoda");
    using other = new Folder();
    await using careless = await configured(
      other,
      through({ endpoints: [upstream.url], tls: { verify: false } }),
    );
    expect((await call(careless.url)).status).toBe(502);
  });

  test("are verified by the names in their certificates", async () => {
    const authority = testAuthority();
    const server = authority.issue({ names: "URI:spiffe://test/orders" });
    const options = { cert: server.certificate, key: server.key };
    await using upstream = await listen(
      createTlsServer(options, (_, out) => out.end("orders")),
      0,
      "https",
    );
    using folder = new Folder();
    folder.write("ca.pem", authority.ca);
    const to = (name: string, ...sans: readonly object[]) => [
      { name, cluster: name, match: { path: `/${name}` } },
      { endpoints: [upstream.url], tls: { ca: "ca.pem", ...(sans.length > 0 && { sans }) } },
    ];
    const all = [
      to("orders", { uri: "spiffe://test/orders" }),
      to("mesh", { uri: "spiffe://test/*" }, { dns: "orders.internal" }),
      to("cart", { uri: "spiffe://test/cart" }),
      to("host"),
    ];
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, name: "main", routes: all.map(([route]) => route) }],
      clusters: Object.fromEntries(all.map(([route, cluster]) => [Object(route).name, cluster])),
    });
    const statusOf = async (path: string) => (await call(`${pagoda.url}/${path}`)).status;
    expect([await statusOf("orders"), await statusOf("mesh")]).toEqual([200, 200]);
    expect([await statusOf("cart"), await statusOf("host")]).toEqual([502, 502]);
    expect((await pagoda.log("GET /cart 502"))["fault"]).toMatchObject({
      tag: "ConnectFailed",
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      cause: {
        message: "certificate must show one of URI:spiffe://test/cart (got URI:spiffe://test/orders)",
      },
    });
  });

  test("that join a serving cluster get few calls at first, then gradually more", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const entry = ({ url }: Origin): object => ({ key: url });
    folder.write("shop.json", [entry(one)]);
    await using pagoda = await configured(
      folder,
      through({ file: "shop.json", balance: "weighted-round-robin", slowStart: "1h" }),
    );
    folder.write("shop.json", [entry(one), entry(two)]);
    const clusters = await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => /starting: 1\d% of its share/.test(text),
    );
    expect(clusters.text).toContain(two.url);
    const seen = await bodies(pagoda.url, 110);
    expect(seen.filter((body) => body === "two").length).toBeGreaterThan(4);
    expect(seen.filter((body) => body === "two").length).toBeLessThan(20);
  });
});

/** Responses of `grpc.health.v1.Health`, by status number. */
const [serving, notServing] = [Buffer.from([0x08, 1]), Buffer.from([0x08, 2])];

async function healthServer(credentials: ServerCredentials, answer: () => Buffer) {
  const server = new Server();
  const asItIs = (bytes: Buffer): Buffer => bytes;
  const check = {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  } as const;
  const handler: handleUnaryCall<Buffer, Buffer> = (_call, done) => done(null, answer());
  server.addService({ check }, { check: handler });
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, port: number) => (error === null ? resolve(port) : reject(error));
    server.bindAsync("127.0.0.1:0", credentials, bound);
  });
  return { port, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

describe("health checks", () => {
  const often = { interval: "20ms", timeout: "5s", healthyThreshold: 1, unhealthyThreshold: 1 };

  test("of gRPC servers present the cluster's certificate", async () => {
    const authority = testAuthority();
    const own = authority.issue({ subject: "CN=pagoda" });
    const { certificate, key } = authority.issue({ names: "IP:127.0.0.1" });
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
    let status = serving;
    const credentials = ServerCredentials.createSsl(Buffer.from(authority.ca), [pair], true);
    await using server = await healthServer(credentials, () => status);
    using folder = new Folder();
    folder.write("ca.pem", authority.ca);
    folder.write("own.pem", own.certificate);
    folder.write("own.key", own.key);
    const cluster = {
      endpoints: [`https://127.0.0.1:${server.port}`],
      protocol: "http2",
      tls: { ca: "ca.pem", certificate: "own.pem", key: "own.key" },
      check: { type: "grpc", ...often },
    };
    await using pagoda = await configured(folder, through(cluster));
    const isSaid =
      (said: string) =>
      ({ text }: { readonly text: string }) =>
        text.includes(said);
    await until(() => pagoda.admin("/clusters"), isSaid('"healthy":true'));
    status = notServing;
    await until(() => pagoda.admin("/clusters"), isSaid("NOT_SERVING"));
  });

  test("run once before the first call", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await origin((request, response) => {
      if (request.url === "/health" && arrivals.count === 0) arrivals.add({ request, response });
      else response.end();
    });
    using folder = new Folder();
    const check = { type: "http", path: "/health", ...often };
    const starting = configured(folder, through({ endpoints: [upstream.url], check, panicThreshold: "0%" }));
    const { response } = await arrivals.next();
    response.end();
    await using pagoda = await starting;
    expect((await call(pagoda.url)).status).toBe(200);
  });

  test("are TCP connections by default", async () => {
    await using one = await named("one");
    using folder = new Folder();
    const check = { type: "tcp", ...often };
    await using pagoda = await configured(folder, through({ endpoints: [one.url, refusing], check }));
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => text.includes("ECONNREFUSED") && text.includes('"healthy":true'),
    );
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
  });

  test.each([
    ["are ignored when too few endpoints are healthy", "50%", 200],
    ["are followed at a threshold of 0%, even if no endpoint passes", "0%", 503],
  ])("%s", async (_name, panicThreshold, status) => {
    await using upstream = await origin(({ url }, response) =>
      response.writeHead(url === "/health" ? 500 : 200).end(),
    );
    using folder = new Folder();
    const check = { type: "http", path: "/health", ...often };
    await using pagoda = await configured(
      folder,
      through({ endpoints: [upstream.url], check, panicThreshold }),
    );
    await pagoda.log("endpoint is unhealthy");
    expect((await call(pagoda.url)).status).toBe(status);
  });
});

describe("a busy cluster", () => {
  test("refuses calls beyond its connections, and at once after long saturation", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    using folder = new Folder();
    const cluster = {
      endpoints: [upstream.url],
      pool: { maxConnections: 1 },
      policies: { failfast: "50ms" },
    };
    const policies = { buffer: { capacity: 10 }, timeout: "1h" };
    await using pagoda = await configured(folder, through(cluster, {}, policies));
    const first = call(pagoda.url, { agent: false });
    const { response } = await arrivals.next();
    // It would wait an hour for the first one to end.
    const second = await call(pagoda.url, { agent: false });
    expect(second.status).toBe(503);
    expect(await pagoda.metric("stack_events_total", { layer: "failfast", event: "refused" })).toBe(1);
    response.end("first");
    expect((await first).body).toBe("first");
  });
});
