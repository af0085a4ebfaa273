import { Agent, get } from "node:http";
import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { Arrivals, held, type Held, origin } from "./origin.ts";
import { type Pagoda, sample, until } from "./program.ts";

/** Repeats calls over that many connections until it is stopped. */
async function flood(url: string, connections: number, isOver: () => boolean): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const one = async (): Promise<void> => {
    while (!isOver()) {
      const status = await new Promise<number>((resolve, reject) => {
        get(url, { agent }, (response) => {
          response.resume().once("end", () => resolve(response.statusCode as number));
        }).once("error", reject);
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  agent.destroy();
  return statuses;
}

const connections = 8;

test("a rate limit of 200/s admits 200/s over 2 workers, within 1%", async () => {
  using folder = new Folder();
  // Low enough for a busy machine; and nothing is lost during 5 s without calls.
  const policies = { rateLimit: { global: { rate: "200/s", burst: 1000 } } };
  const config = {
    clusters: {},
    listeners: [{ ...anywhere, name: "main", policies, routes: [says("yes")] }],
  };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  let isOver = false;
  const flooding = flood(pagoda.url, connections, () => isOver);
  const first = await spent(pagoda);
  // Long enough that the uncertainty of the samples is negligible.
  const last = await until(
    () => spent(pagoda),
    ({ before, after }) => {
      const open = after.to - before.from + first.after.to - first.before.from;
      return before.from - first.after.to > Math.max(3_000, open * 100);
    },
  );
  isOver = true;
  expect([...(await flooding).keys()].toSorted()).toEqual([200, 429]);
  // The outcome of calls in flight is not known yet.
  const perMs = 0.2;
  const atLeast = last.before.admitted - first.after.admitted - connections;
  const atMost = last.after.admitted + connections - first.before.admitted;
  expect(atLeast).toBeLessThan((last.after.to - first.before.from) * perMs * 1.01);
  expect(atMost).toBeGreaterThan((last.before.from - first.after.to) * perMs * 0.99);
});

interface Look {
  readonly admitted: number;
  readonly refused: number;
  /** Milliseconds: the moment lies between these two. */
  readonly from: number;
  readonly to: number;
}

/** Two samples, between which a call was refused: at that moment the limit was exhausted. */
async function spent(pagoda: Pagoda): Promise<{ readonly before: Look; readonly after: Look }> {
  const look = async (): Promise<Look> => {
    const from = performance.now();
    const { text } = await pagoda.admin("/metrics");
    const to = performance.now();
    const count = (status: string): number => sample(text, "http_requests_total", { status });
    return { admitted: count("200"), refused: count("429"), from, to };
  };
  let before = await look();
  const after = await until(look, (seen) => {
    const isSpent = seen.refused > before.refused;
    if (!isSpent) before = seen;
    return isSpent;
  });
  return { before, after };
}

describe("limits and policies", () => {
  test("rateLimit counts each client separately and sends Retry-After", async () => {
    using folder = new Folder();
    const policies = { rateLimit: { perClient: { rate: "1/h", burst: 2, by: { header: "x-api-key" } } } };
    const config = {
      clusters: {},
      listeners: [{ ...anywhere, name: "main", policies, routes: [says("yes")] }],
    };
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    const ask = (key: string) => call(pagoda.url, { headers: { "x-api-key": key }, agent: false });
    for (const key of ["a", "b"]) {
      expect((await ask(key)).status).toBe(200);
      expect((await ask(key)).status).toBe(200);
      const refused = await ask(key);
      expect(refused.status).toBe(429);
      expect(Number(refused.message.headers["retry-after"])).toBeGreaterThan(3_500);
      expect(refused.message.headers).toHaveProperty("ratelimit");
    }
    expect(await pagoda.metric("stack_events_total", { layer: "rate-limit", event: "refused" })).toBe(2);
  });

  test("rateLimit keeps its state over reloads", async () => {
    using folder = new Folder();
    const config = (body: string): object => {
      const policies = { rateLimit: { global: { rate: "1/h", burst: 1 } } };
      return { clusters: {}, listeners: [{ ...anywhere, name: "main", policies, routes: [says(body)] }] };
    };
    await using pagoda = await configured(folder, config("before"), { PROXY_WORKERS: "2" });
    expect((await call(pagoda.url)).status).toBe(200);
    folder.write("pagoda.yaml", config("after"));
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    expect((await call(pagoda.url)).status).toBe(429);
  });

  test("concurrencyLimit bounds the calls in flight", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    using folder = new Folder();
    const config = through({ endpoints: [upstream.url] }, {}, { concurrencyLimit: 1 });
    await using pagoda = await configured(folder, config);
    const first = call(pagoda.url, { agent: false });
    const { response } = await arrivals.next();
    expect((await call(pagoda.url, { agent: false })).status).toBe(503);
    response.end("done");
    expect((await first).body).toBe("done");
  });

  test("retry tries another endpoint, within its budget", async () => {
    await using bad = await origin((_message, out) => out.writeHead(503).end());
    await using good = await origin((_message, out) => out.end("good"));
    using folder = new Folder();
    const config = through({ endpoints: [bad.url, good.url] }, {}, { retry: { attempts: 2 } });
    await using pagoda = await configured(folder, config);
    for (let at = 0; at < 6; at++) expect((await call(pagoda.url)).body).toBe("good");
    expect(await pagoda.metric("stack_events_total", { layer: "retry" })).toBeGreaterThan(0);
  });

  test("retry applies to the configured conditions only", async () => {
    let calls = 0;
    await using upstream = await origin(({ url, method, socket }, out) => {
      calls++;
      if (url === "/reset") socket.destroy();
      else out.writeHead(Number(url?.slice(1)), { "x-method": method }).end();
    });
    using folder = new Folder();
    const routes = [
      ["usual", {}],
      ["named", { statuses: ["5xx", 404], methods: ["POST"], reset: false }],
    ].map(([name, on]) => ({
      name,
      cluster: "origin",
      match: { path: { prefix: `/${name as string}` } },
      rewrite: { prefix: "/" },
      policies: { retry: { on, attempts: 2, backoff: { base: "1ms" } } },
    }));
    const config = through({ endpoints: [upstream.url] }, { routes });
    await using pagoda = await configured(folder, config);
    const triesOf = async (path: string, method = "GET"): Promise<number> => {
      calls = 0;
      await call(pagoda.url + path, { method });
      return calls;
    };
    expect(await triesOf("/usual/reset")).toBe(2);
    expect(await triesOf("/usual/503")).toBe(2);
    expect(await triesOf("/usual/500")).toBe(1);
    expect(await triesOf("/usual/503", "POST")).toBe(1);
    expect(await triesOf("/named/500", "POST")).toBe(2);
    expect(await triesOf("/named/404", "POST")).toBe(2);
    expect(await triesOf("/named/429", "POST")).toBe(1);
    expect(await triesOf("/named/reset", "POST")).toBe(1);
    expect(await triesOf("/named/500")).toBe(1);
  });

  test("routes match path, host, method and header, split by weight, redirect, or answer 404", async () => {
    await using one = await origin(({ url, headers }, out) =>
      out.end(`one ${headers.host} ${url} ${headers["x-set"]}`),
    );
    await using two = await origin(({ url }, out) => out.end(`two ${url}`));
    using folder = new Folder();
    const routes = [
      {
        name: "beta",
        match: {
          path: "/api",
          hosts: ["shop.test"],
          methods: ["GET"],
          headers: [{ name: "x-beta", exact: "yes" }],
        },
        cluster: "two",
      },
      {
        name: "api",
        match: { path: "/api", hosts: ["shop.test"], methods: ["GET"] },
        cluster: "one",
        rewrite: { prefix: "/v2" },
        requestHeaders: { set: { "x-set": "here" } },
        responseHeaders: { set: { "x-from": "pagoda" } },
      },
      {
        name: "split",
        match: { path: "/split" },
        clusters: [
          { cluster: "one", weight: 1 },
          { cluster: "two", weight: 1 },
        ],
      },
      { name: "old", match: { path: "/old" }, redirect: { status: 308, prefix: "/new" } },
    ];
    const clusters = { one: { endpoints: [one.url] }, two: { endpoints: [two.url] } };
    await using pagoda = await configured(folder, {
      clusters,
      listeners: [{ ...anywhere, name: "main", routes }],
    });
    const ask = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
      call(pagoda.url + path, { headers, method });
    const api = await ask("/api/cart?q", { host: "shop.test" });
    expect([api.body, api.message.headers["x-from"]]).toEqual(["one shop.test /v2/cart?q here", "pagoda"]);
    expect((await ask("/apiary", { host: "shop.test" })).status).toBe(404);
    expect((await ask("/api", { host: "other.test" })).status).toBe(404);
    const wrong = await ask("/api", { host: "shop.test" }, "PUT");
    expect([wrong.status, wrong.message.headers.allow]).toEqual([405, "GET"]);
    expect((await ask("/api", { host: "shop.test", "x-beta": "yes" })).body).toBe("two /api");
    const bodies = new Set<string>();
    for (let at = 0; at < 40; at++) bodies.add((await ask("/split")).body.slice(0, 3));
    expect(bodies).toEqual(new Set(["one", "two"]));
    const moved = await ask("/old/page");
    expect([moved.status, moved.message.headers.location]).toEqual([308, `${pagoda.url}/new/page`]);
  });

  test("with order: first, the first route that matches wins", async () => {
    using folder = new Folder();
    const routes = [
      { name: "early", match: { path: "/api" }, respond: { status: 200, body: "early" } },
      { name: "late", match: { path: "/api/v2" }, respond: { status: 200, body: "late" } },
    ];
    await using pagoda = await configured(folder, { listeners: [{ ...anywhere, order: "first", routes }] });
    expect((await call(`${pagoda.url}/api/v2`)).body).toBe("early");
  });

  test("with hostPorts: match, a host with another port is another host", async () => {
    using folder = new Folder();
    const hosts = ["shop.test", "shop.test:81"];
    const routes = hosts.map((host, n) => ({
      name: `r${n}`,
      match: { hosts: [host] },
      respond: { status: 200, body: host },
    }));
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, hostPorts: "match", routes }],
    });
    for (const host of hosts) expect((await call(pagoda.url, { headers: { host } })).body).toBe(host);
    expect((await call(pagoda.url, { headers: { host: "shop.test:82" } })).status).toBe(404);
  });

  test("health checks keep calls from an unhealthy endpoint until it recovers", async () => {
    let status = 200;
    await using sick = await origin(({ url }, out) =>
      out.writeHead(url === "/health" ? status : 200).end("sick"),
    );
    await using well = await origin((_message, out) => out.end("well"));
    using folder = new Folder();
    const check = {
      type: "http",
      path: "/health",
      interval: "50ms",
      timeout: "5s",
      healthyThreshold: 1,
      unhealthyThreshold: 1,
    };
    await using pagoda = await configured(
      folder,
      through({ endpoints: [sick.url, well.url], check, panicThreshold: 0 }),
    );
    const seen = async (): Promise<string> => {
      const bodies = new Set<string>();
      for (let at = 0; at < 6; at++) bodies.add((await call(pagoda.url)).body);
      return [...bodies].toSorted().join();
    };
    await until(seen, (bodies) => bodies === "sick,well");
    status = 500;
    await pagoda.log("endpoint is unhealthy");
    expect(await seen()).toBe("well");
    const { text } = await pagoda.admin("/clusters");
    expect(text).toMatch(/"healthy":false,"reason":"[^"]*500/);
    status = 200;
    await until(seen, (bodies) => bodies === "sick,well");
  });
});
