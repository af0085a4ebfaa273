import { describe, expect, test } from "vitest";
import { bodies, call } from "./client.ts";
import { anywhere, configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, named, origin } from "./origin.ts";
import { until } from "./program.ts";

describe("calls in time:", () => {
  test("timeout of a route bounds all tries, timeout of a cluster each of them", async () => {
    const arrivals = new Arrivals<Held>();
    await using slow = await held(arrivals);
    using folder = new Folder();
    // Long enough for a response on a busy machine.
    const cluster = { endpoints: [slow.url], policies: { timeout: "1s" } };
    await using pagoda = await configured(
      folder,
      through(cluster, {}, { timeout: "1h", retry: { attempts: 2 } }),
    );
    const answer = call(pagoda.url);
    await arrivals.next();
    const { response } = await arrivals.next();
    response.end("the second one");
    expect((await answer).body).toBe("the second one");
    folder.write("pagoda.yaml", through({ endpoints: [slow.url] }, {}, { timeout: "1s" }));
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    const late = call(pagoda.url);
    await arrivals.next();
    expect((await late).status).toBe(504);
  });

  test("hedge sends a slow call again, and the first response wins", async () => {
    const arrivals = new Arrivals<Held>();
    await using slow = await origin((request, response) => {
      if (request.url === "/slow" && arrivals.count === 0) arrivals.add({ request, response });
      else response.end("quick");
    });
    using folder = new Folder();
    const hedge = { maxExtraLoad: "50%", window: "1s", minSamples: 5 };
    await using pagoda = await configured(folder, through({ endpoints: [slow.url] }, {}, { hedge }));
    // Until a whole window of latencies has been measured.
    await until(
      async () => {
        await bodies(pagoda.url, 10);
        return (await pagoda.admin("/stack")).text;
      },
      (text) => /"delayMs":\d/.test(text),
    );
    expect((await call(`${pagoda.url}/slow`)).body).toBe("quick");
    expect(await pagoda.metric("stack_events_total", { layer: "hedge" })).toBeGreaterThan(0);
  });
});

describe("calls refused:", () => {
  test("circuitBreaker refuses without a call, in log and metrics, too", async () => {
    let calls = 0;
    await using bad = await origin((_message, out) => {
      calls++;
      out.writeHead(500).end();
    });
    using folder = new Folder();
    const policies = { circuitBreaker: { failures: 2, open: "1h", maxOpen: "1h" } };
    await using pagoda = await configured(folder, through({ endpoints: [bad.url], policies }));
    for (let at = 0; at < 2; at++) expect((await call(pagoda.url)).status).toBe(500);
    const refused = await call(pagoda.url);
    expect([refused.status, calls]).toEqual([503, 2]);
    expect((await pagoda.admin("/clusters")).text).toContain('"reason":"circuit open: consecutive-failures"');
    expect(await pagoda.log("GET / 503")).toMatchObject({
      fault: { tag: "NoEndpointReady", usable: 1, endpoint: bad.url, reason: "CircuitOpen" },
    });
    const events = { event: "refused", cluster: "origin" };
    expect(await pagoda.metric("stack_events_total", { ...events, layer: "balance" })).toBe(1);
    const ofEndpoint = { ...events, layer: "circuit-breaker", endpoint: bad.url };
    expect(await pagoda.metric("stack_events_total", ofEndpoint)).toBe(1);
  });

  // Another route, whose cluster is always ready, must not make this one appear ready.
  test.each([
    ["route's limit", { concurrencyLimit: 1 }, {}],
    ["cluster's connections", {}, { pool: { maxConnections: 1 } }],
    ["endpoint's limit", {}, { policies: { concurrencyLimit: 1 } }],
  ])("buffer queues the calls that a %s would refuse, up to its limit", async (_of, limit, cluster) => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    await using free = await named("free");
    using folder = new Folder();
    const policies = { ...limit, buffer: { capacity: 1 } };
    const routes = [
      { name: "all", cluster: "origin", policies },
      { name: "other", match: { path: "/other" }, cluster: "free" },
    ];
    const clusters = { origin: { endpoints: [upstream.url], ...cluster }, free: { endpoints: [free.url] } };
    await using pagoda = await configured(folder, {
      clusters,
      listeners: [{ ...anywhere, name: "main", routes }],
    });
    const first = call(pagoda.url, { agent: false });
    const { response } = await arrivals.next();
    const second = call(pagoda.url, { agent: false });
    await until(
      () => pagoda.admin("/stack"),
      ({ text }) => /"name":"buffer"[^}]*}[^}]*"(?:waiting|queued|size)":1/.test(text),
    );
    expect((await call(pagoda.url, { agent: false })).status).toBe(503);
    expect((await pagoda.log("GET / 503"))["fault"]).toMatchObject({ tag: "BufferFull" });
    expect((await call(`${pagoda.url}/other`, { agent: false })).body).toBe("free");
    response.end("one");
    expect((await first).body).toBe("one");
    (await arrivals.next()).response.end("two");
    expect((await second).body).toBe("two");
  });

  test("fault injects failures and delays", async () => {
    await using upstream = await named("fine");
    using folder = new Folder();
    const failure = { ratio: 1, status: 418 };
    await using pagoda = await configured(
      folder,
      through({ endpoints: [upstream.url] }, {}, { fault: { failure } }),
    );
    const { status, body } = await call(pagoda.url);
    expect([status, body]).toEqual([418, expect.stringContaining("injected fault")]);
  });

  test("authorize matches method, path and address", async () => {
    await using upstream = await named("in");
    using folder = new Folder();
    const authorize = {
      rules: [
        { name: "read", effect: "allow", from: { addresses: ["127.0.0.0/8"] }, to: { methods: ["GET"] } },
        { name: "secret", effect: "deny", to: { paths: ["/secret/*"] } },
      ],
    };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, {}, { authorize }));
    const statusOf = async (path: string, method: string) =>
      (await call(pagoda.url + path, { method })).status;
    expect(await statusOf("/", "GET")).toBe(200);
    expect(await statusOf("/", "POST")).toBe(403);
    expect(await statusOf("/secret/plan", "GET")).toBe(403);
    expect(await statusOf("/a/../secret/plan", "GET")).toBe(403);
  });
});

describe("calls observed:", () => {
  test("mirror sends copies to another cluster without waiting for them", async () => {
    const copies = new Arrivals<Held>();
    await using shadow = await held(copies);
    await using upstream = await named("real");
    using folder = new Folder();
    const routes = [{ name: "all", cluster: "origin", policies: { mirror: { cluster: "shadow" } } }];
    const clusters = { origin: { endpoints: [upstream.url] }, shadow: { endpoints: [shadow.url] } };
    await using pagoda = await configured(folder, {
      clusters,
      listeners: [{ ...anywhere, name: "main", routes }],
    });
    expect((await call(`${pagoda.url}/copied`)).body).toBe("real");
    const { request, response } = await copies.next();
    expect(request.url).toBe("/copied");
    response.end();
  });

  test("tracing exports spans of calls and tries that continue the client's trace", async () => {
    const sent = new Arrivals<string>();
    await using collector = await origin(async (message, out) => {
      const body = Buffer.concat(await message.toArray()).toString("latin1");
      out.end();
      sent.add(body);
    });
    let traceparent: string | undefined;
    await using upstream = await origin(({ headers }, out) => {
      traceparent = headers["traceparent"] as string;
      out.end();
    });
    using folder = new Folder();
    const tracing = { endpoint: `${collector.url}/v1/traces`, ratio: 1, service: "edge" };
    const config = { ...through({ endpoints: [upstream.url] }, { trustedProxies: ["127.0.0.1"] }), tracing };
    await using pagoda = await configured(folder, config);
    const trace = "0af7651916cd43dd8448eb211c80319c";
    await call(pagoda.url, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
    expect(traceparent).toMatch(new RegExp(`^00-${trace}-[\\da-f]{16}-01$`));
    pagoda.kill("SIGTERM");
    expect(await sent.next()).toContain("edge");
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  });

  test("log has a line for each failure and for a share of the rest", async () => {
    await using upstream = await origin(({ url }, out) => out.writeHead(url === "/bad" ? 500 : 200).end());
    using folder = new Folder();
    const config = through({ endpoints: [upstream.url] });
    await using pagoda = await configured(folder, config);
    await call(`${pagoda.url}/good`);
    await call(`${pagoda.url}/bad`);
    expect(await pagoda.log("GET /bad 500")).toMatchObject({
      route: "all",
      cluster: "origin",
      upstream: upstream.url,
      listener: "main",
    });
    expect(pagoda.logs.some(({ msg }) => msg.includes("/good"))).toBe(false);
    folder.write("pagoda.yaml", { ...config, log: { accessRatio: "100%" } });
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    await call(`${pagoda.url}/good`);
    expect(await pagoda.log("GET /good 200")).toMatchObject({ level: 30, status: 200 });
  });
});
