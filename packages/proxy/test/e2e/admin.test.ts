import { expect, test } from "vitest";
import { createServer } from "node:http";
import { call, keepAlive } from "./client.ts";
import { Arrivals, held, type Held, listen, origin, refusing, silent } from "./origin.ts";
import { Pagoda, Program, sample, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

test("the proxy is alive and ready when it logs that it listens", async () => {
  await using upstream = await origin((_message, response) => response.end());
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  for (const path of ["/health", "/healthz"]) {
    expect(await pagoda.admin(path)).toEqual({ status: 200, text: "ok\n" });
  }
  for (const path of ["/ready", "/readyz"]) {
    expect(await pagoda.admin(path)).toEqual({ status: 200, text: "ready\n" });
  }
});

test("the proxy is not ready before its upstream has been probed", async () => {
  await using mute = await silent();
  const admin = `127.0.0.1:${await quietPort()}`;
  await using program = new Program({ PROXY_UPSTREAM_ADDRS: mute.url, PROXY_METRICS_ADDR: admin });
  const ask = () => call(`http://${admin}/readyz`).catch(() => undefined);
  const answer = await until(ask, (got) => got !== undefined);
  const answeredAt = Date.now();
  const { time } = await program.log("listening on");
  // It waits a second for its upstream: on a slower machine the test shows nothing.
  const late = answeredAt >= (time as number);
  const starting = answer?.body === "not ready: starting\n" || late;
  expect({ status: answer?.status, starting }).toEqual({ status: 503, starting: true });
  expect(await program.log("cluster unreachable")).toMatchObject({
    level: 40,
    cluster: "upstream",
    reason: "no connection within 1000 ms",
  });
  expect((await ask())?.body).toBe("not ready: no upstream can be reached\n");
});

test("readiness follows whether an upstream can be reached", async () => {
  const port = await quietPort();
  const upstream = `http://127.0.0.1:${port}`;
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: `${refusing},${upstream}` });
  const lost = await pagoda.log("cluster unreachable");
  expect(lost).toMatchObject({ level: 40, reason: "cannot connect: ECONNREFUSED" });
  const notReady = { status: 503, text: "not ready: no upstream can be reached\n" };
  for (const path of ["/ready", "/readyz"]) expect(await pagoda.admin(path)).toEqual(notReady);
  expect(await pagoda.admin("/health")).toMatchObject({ status: 200 });

  {
    await using _server = await listen(
      createServer((_request, response) => response.end("back")),
      port,
    );
    await pagoda.log("cluster reachable");
    expect(await pagoda.admin("/readyz")).toEqual({ status: 200, text: "ready\n" });
  }
  await pagoda.log((line) => line.msg === lost.msg && line !== lost);
  expect(await pagoda.admin("/readyz")).toEqual(notReady);
});

test("/metrics has the documented series", async () => {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const labels = { method: "POST", status: "201", upstream: upstream.url };
  const answer = call(pagoda.url, { method: "POST" });
  const { response } = await arrivals.next();
  expect(await pagoda.metric("http_requests_in_flight")).toBe(1);
  expect(await pagoda.metric("http_requests_total")).toBe(0);
  expect(await pagoda.metric("connections_active")).toBe(1);
  response.writeHead(201).end();
  await answer;
  await until(
    () => pagoda.metric("http_requests_in_flight"),
    (calls) => calls === 0,
  );
  expect(await pagoda.metric("http_requests_total", labels)).toBe(1);
  expect(await pagoda.metric("http_request_duration_seconds_count", labels)).toBe(1);
  expect(await pagoda.metric("http_request_duration_seconds_bucket", { ...labels, le: "+Inf" })).toBe(1);
  expect(await pagoda.metric("http_request_duration_seconds_sum", labels)).toBeGreaterThan(0);
  expect(await pagoda.metric("connections_total", { state: "accepted" })).toBe(1);

  const got = await fetch(`${pagoda.adminUrl}/metrics`);
  expect(got.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await got.text();
  for (const [name, type] of [
    ["http_requests_total", "counter"],
    ["http_request_duration_seconds", "histogram"],
    ["http_requests_in_flight", "gauge"],
    ["http_local_responses_total", "counter"],
    ["http_requests_refused_total", "counter"],
    ["connections_active", "gauge"],
    ["connections_total", "counter"],
    ["process_resident_memory_bytes", "gauge"],
    ["nodejs_eventloop_lag_seconds", "gauge"],
  ]) {
    expect(text).toContain(`# TYPE ${name} ${type}\n`);
  }
});

test("metrics without a sum have a worker label", async () => {
  await using upstream = await origin((_message, response) => response.end());
  await using pagoda = await Pagoda.start({
    PROXY_UPSTREAM_ADDRS: `${upstream.url},${refusing}`,
    PROXY_WORKERS: "2",
  });
  // Gauges of the stack appear with the second scrape.
  await pagoda.admin("/metrics");
  const { text } = await pagoda.admin("/metrics");
  for (const worker of ["0", "1"]) {
    expect(sample(text, "stack_balance_endpoints", { worker })).toBe(2);
    expect(text).toMatch(new RegExp(`^nodejs_eventloop_lag_seconds\\{worker="${worker}"\\} `, "m"));
  }
  expect(sample(text, "stack_balance_endpoints")).toBe(4);
  expect(text).toMatch(/^http_requests_in_flight 0$/m);
});

test("/clusters counts the calls of each endpoint, also without outlier detection", async () => {
  await using upstream = await origin((_message, response) => response.writeHead(500).end());
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url, PROXY_WORKERS: "2" });
  const calls = (): Promise<readonly EndpointCalls[]> =>
    pagoda
      .admin("/clusters")
      .then(({ text }) => (JSON.parse(text) as readonly ClusterCalls[])[0]?.endpoints ?? []);
  expect(await calls()).toMatchObject([
    { healthy: true, calls: { succeeded: 0, failed: 0, timedOut: 0, consecutiveFailures: 0 } },
  ]);
  using agent = keepAlive(1);
  for (let at = 0; at < 7; at++) expect((await call(pagoda.url, { agent })).status).toBe(500);
  expect(await calls()).toMatchObject([
    {
      reason: expect.stringContaining("the last 7 calls failed; still gets requests"),
      calls: { succeeded: 0, failed: 7, timedOut: 0, consecutiveFailures: 7 },
    },
  ]);
});

interface EndpointCalls {
  readonly healthy: boolean;
  readonly calls: object;
}

interface ClusterCalls {
  readonly endpoints: readonly EndpointCalls[];
}

test("unknown methods share one series", async () => {
  await using upstream = await origin((_message, response) => response.end());
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  for (const method of ["PROPFIND", "SEARCH", "REPORT"]) await call(pagoda.url, { method });
  expect(await pagoda.metric("http_requests_total", { method: "OTHER", status: "200" })).toBe(3);
});

interface Described {
  readonly name: string;
  readonly state?: Readonly<Record<string, unknown>>;
  readonly inner?: readonly Described[];
}

/** All layers of a stack, the outermost first. */
function all(from: Described): readonly Described[] {
  return [from, ...(from.inner ?? []).flatMap(all)];
}

test("/stack shows the live stack as JSON", async () => {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  await using pagoda = await Pagoda.start({
    PROXY_UPSTREAM_ADDRS: `${upstream.url},${refusing}`,
    PROXY_REQUEST_TIMEOUT_MS: "1234",
  });
  const answer = call(pagoda.url);
  const { response } = await arrivals.next();

  const got = await fetch(`${pagoda.adminUrl}/stack`);
  expect(got.headers.get("content-type")).toBe("application/json");
  const whole = (await got.json()) as Described;
  const layers = all(whole);
  const names = layers.map(({ name }) => name);
  expect(names.slice(0, 4)).toEqual(["pagoda", "worker", "listener", "forwarded"]);
  expect(names).toEqual(expect.arrayContaining(["metrics", "respond", "router", "clusters", "transport"]));
  expect(JSON.stringify(whole)).toContain('"ms":1234');
  expect(layers.find(({ name }) => name === "balance")?.inner).toMatchObject([
    { name: "endpoint", options: { key: upstream.url }, state: { pending: 1 } },
    { name: "endpoint", options: { key: refusing }, state: { pending: 0 } },
  ]);
  expect(layers.find(({ name }) => name === "transport")).toMatchObject({ state: { inFlight: 1 } });

  response.end();
  await answer;
  await until(
    () => pagoda.admin("/stack"),
    ({ text }) => !/"(?:pending|inFlight)":[1-9]/.test(text),
  );
});

test("unknown pages get 404 and wrong methods 405", async () => {
  await using pagoda = await Pagoda.start();
  for (const path of ["/metrics/", "/constructor", "/__proto__", "/stack/x"]) {
    const { status, text } = await pagoda.admin(path);
    expect({ path, status }).toEqual({ path, status: 404 });
    expect(text).toContain("/health /healthz /ready /readyz /metrics /stack");
  }
  for (const path of ["/health", "/ready", "/metrics", "/stack", "/config", "/clusters"]) {
    const { status, message } = await call(pagoda.adminUrl + path, { method: "POST" });
    expect({ path, status }).toEqual({ path, status: 405 });
    expect(message.headers.allow).toBe("GET, HEAD");
    expect(await call(pagoda.adminUrl + path, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  }
  for (const path of ["/reload", "/drain"]) {
    const { status, message } = await call(pagoda.adminUrl + path);
    expect({ path, status, allow: message.headers.allow }).toEqual({ path, status: 405, allow: "POST" });
  }
  expect((await pagoda.admin("/health?verbose")).status).toBe(200);
});

test("listeners do not serve admin pages, and the admin endpoint does not proxy", async () => {
  await using upstream = await origin(({ url }, response) => response.end(`origin ${url}`));
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  expect((await call(`${pagoda.url}/metrics`)).body).toBe("origin /metrics");
  expect((await pagoda.admin("/elsewhere")).status).toBe(404);
});
