import { spawn } from "node:child_process";
import { createServer } from "node:https";
import { describe, expect, onTestFinished, test } from "vitest";
import { authority, certified } from "./certified.ts";
import { call } from "./client.ts";
import { anywhere, configured, Folder, through } from "./configured.ts";
import { type ForwardProxy, forwardProxy } from "./forward-proxy.ts";
import { listen, origin } from "./origin.ts";
import { type LogLine, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, curl, need, needs } from "./system.ts";

const url = (proxy: ForwardProxy, credentials: string): string =>
  proxy.url.replace("//", `//${credentials}@`);

/** An origin over TLS under a name that only the proxy resolves. */
async function partner() {
  const { certificate: cert, key } = authority.issue({ names: "DNS:api.partner.test" });
  const seen: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    seen.push(`${request.method} ${request.headers.host}${request.url}`);
    const echoed = response.writeHead(200, {
      "x-authorization": String(request.headers["proxy-authorization"]),
    });
    request.pipe(echoed);
  });
  return Object.assign(await listen(server, 0, "https"), { seen });
}

const isAccess = (line: LogLine): boolean => line["status"] !== undefined;

describe("a cluster behind a forward proxy", () => {
  needs("curl");

  test("is called in tunnels, is checked through them, and shows no credentials", async () => {
    await using api = await partner();
    await using proxy = await forwardProxy("ann:hunter");
    using folder = certified();
    await using pagoda = await configured(
      folder,
      through({
        endpoints: [`https://api.partner.test:${api.port}`],
        client: "undici",
        proxy: url(proxy, "ann:hunter"),
        tls: { ca: "ca.pem" },
        check: { type: "http", path: "/health", interval: "50ms" },
      }),
    );
    const sent = "x".repeat(100_000);
    const headers = ["-H", "Host: shop.test", "-H", "Proxy-Authorization: Basic mine"];
    const { stdout, stderr } = await curl(
      ["-i", ...headers, "--data-binary", "@-", `${pagoda.url}/orders?a=1`],
      { input: Buffer.from(sent) },
    );
    expect(stderr).toBe("");
    const [head, body] = stdout.toString().split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).toContain("x-authorization: undefined");
    expect(body).toBe(sent);
    expect(api.seen).toContain("POST shop.test/orders?a=1");
    expect(api.seen).toContain(`GET api.partner.test:${api.port}/health`);
    expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT api.partner.test:${api.port}`]));

    expect((await pagoda.admin("/ready")).status).toBe(200);
    const { text: config } = await pagoda.admin("/config");
    expect(config).toContain(`http://(not shown)@127.0.0.1:${proxy.port}`);
    const { text: clusters } = await pagoda.admin("/clusters");
    expect(clusters).toMatch(/"healthy":true/);
    expect(clusters).toMatch(/"connections":\d/);
    for (const text of [config, clusters, (await pagoda.admin("/stack")).text, pagoda.output])
      expect(text).not.toContain("hunter");
  });

  test("blames the proxy for its refusals, not the endpoint, and recovers with other credentials", async () => {
    await using api = await partner();
    await using proxy = await forwardProxy("ann:hunter");
    using folder = certified();
    const cluster = {
      // Of two endpoints one could be ejected.
      endpoints: ["one", "two"].map((name) => `https://${name}.partner.test:${api.port}`),
      client: "undici",
      tls: { ca: "ca.pem", servername: "api.partner.test" },
      outliers: { consecutiveFailures: 1, maxEjected: "50%" },
      policies: { circuitBreaker: { failures: 1 } },
      panicThreshold: "0%",
    };
    const config = through({ ...cluster, proxy: url(proxy, "ann:wrong") });
    await using pagoda = await configured(folder, config);
    for (let at = 0; at < 3; at++)
      expect(await call(pagoda.url)).toMatchObject({
        status: 503,
        body: expect.stringContaining("cannot connect to the upstream now") as string,
      });
    const line = await pagoda.log(isAccess);
    expect(JSON.stringify(line)).toContain("PROXY_407");
    const { text } = await pagoda.admin("/clusters");
    expect(text).toMatch(/"healthy":true/);
    expect(text).not.toMatch(/ejected|circuit open/);

    folder.write("pagoda.yaml", through({ ...cluster, proxy: url(proxy, "ann:hunter") }));
    await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
    expect((await call(pagoda.url)).status).toBe(200);
    expect(pagoda.output).not.toMatch(/hunter|wrong/);
  });

  test("loses endpoints that the proxy cannot reach, which are ejected", async () => {
    await using proxy = await forwardProxy();
    await using alive = await origin((_request, response) => response.end("alive"));
    using folder = new Folder();
    await using pagoda = await configured(
      folder,
      through({
        endpoints: [`https://gone.test:${await quietPort()}`, `http://alive.test:${alive.port}`],
        client: "undici",
        proxy: proxy.url,
        outliers: { consecutiveFailures: 1, maxEjected: "50%" },
        panicThreshold: "0%",
      }),
    );
    await until(
      async () => {
        // Resent to the other endpoint: the first one was never reached.
        expect((await call(pagoda.url)).body).toBe("alive");
        return (await pagoda.admin("/clusters")).text;
      },
      (text) => text.includes("ejected"),
    );
  });

  test("over plain HTTP is asked for by URL, with its own authority as Host", async () => {
    await using proxy = await forwardProxy("ann:hunter");
    await using api = await origin((request, response) => response.end(request.headers.host));
    using folder = new Folder();
    const endpoints = [`http://api.partner.test:${api.port}`];
    const cluster = { endpoints, client: "undici", proxy: url(proxy, "ann:hunter") };
    await using pagoda = await configured(folder, through(cluster));
    const { stdout } = await curl(["-H", "Host: shop.test", `${pagoda.url}/a?b`]);
    expect(stdout.toString()).toBe(`api.partner.test:${api.port}`);
    expect(proxy.seen).toEqual([`GET http://api.partner.test:${api.port}/a?b`]);
  });

  test("is unreachable when the proxy is, and ready when it answers again", async () => {
    const port = await quietPort();
    await using api = await partner();
    using folder = certified();
    const cluster = {
      endpoints: [`https://api.partner.test:${api.port}`],
      client: "undici",
      proxy: `http://127.0.0.1:${port}`,
      tls: { ca: "ca.pem" },
    };
    await using pagoda = await configured(folder, through(cluster));
    await pagoda.log("cluster unreachable");
    expect((await pagoda.admin("/ready")).text).toContain("no upstream can be reached");
    expect((await call(pagoda.url)).status).toBe(503);
    await using _proxy = await forwardProxy(undefined, port);
    await until(
      () => pagoda.admin("/ready"),
      ({ status }) => status === 200,
    );
    expect((await call(pagoda.url)).status).toBe(200);
  });

  test("opens no tunnel for an upgrade", async () => {
    await using proxy = await forwardProxy();
    using folder = new Folder();
    const cluster = { endpoints: ["https://api.partner.test"], client: "undici", proxy: proxy.url };
    await using pagoda = await configured(folder, through(cluster));
    const key = Buffer.alloc(16).toString("base64");
    const headers = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": key,
    };
    expect(await call(pagoda.url, { headers })).toMatchObject({ status: 501 });
  });
});

/** Debian's tinyproxy, which asks for credentials. */
async function tinyproxy(folder: Folder): Promise<{ readonly url: string }> {
  const port = await quietPort();
  const file = folder.write(
    "tinyproxy.conf",
    `Port ${port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth ann hunter\nLogLevel Info\n`,
  );
  const child = adopt(spawn(need("tinyproxy"), ["-d", "-c", file], { stdio: "ignore" }));
  onTestFinished(() => void child.kill());
  // Its log, which would say so, is buffered.
  const answers = (): Promise<boolean> =>
    call(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    );
  await until(answers, Boolean);
  return { url: `http://ann:hunter@127.0.0.1:${port}` };
}

describe("tinyproxy", () => {
  needs("tinyproxy");

  test("opens tunnels and forwards plain requests, and says which origin it cannot reach", async () => {
    await using api = await partner();
    await using plain = await origin((request, response) => response.end(request.headers.host));
    const gone = await quietPort();
    using folder = certified();
    const { url: proxy } = await tinyproxy(folder);
    const cluster = { client: "undici", proxy };
    const tls = { ca: "ca.pem", servername: "api.partner.test" };
    const routes = ["api", "plain", "gone"].map((name) => ({
      name,
      match: { path: `/${name}` },
      cluster: name,
    }));
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, name: "main", routes }],
      clusters: {
        api: { ...cluster, endpoints: [`https://localhost:${api.port}`], tls },
        plain: { ...cluster, endpoints: [`http://localhost:${plain.port}`] },
        gone: { ...cluster, endpoints: [`https://localhost:${gone}`] },
      },
    });
    expect((await call(`${pagoda.url}/api`)).status).toBe(200);
    expect(api.seen).toHaveLength(1);
    expect((await call(`${pagoda.url}/plain`)).body).toBe(`localhost:${plain.port}`);
    expect((await call(`${pagoda.url}/gone`)).status).toBe(502);
    const line = await pagoda.log(({ status }) => status === 502);
    expect(JSON.stringify(line)).toContain("PROXY_500");
  });
});

test("a cluster with undici calls its endpoints without a proxy, too", async () => {
  await using api = await partner();
  using folder = certified();
  const endpoints = [`https://127.0.0.1:${api.port}`];
  const tls = { ca: "ca.pem", servername: "api.partner.test" };
  await using pagoda = await configured(folder, through({ endpoints, client: "undici", tls }));
  for (const host of ["a.test", "b.test"])
    expect((await call(pagoda.url, { headers: { host } })).status).toBe(200);
  expect(api.seen).toEqual(["GET a.test/", "GET b.test/"]);
});
