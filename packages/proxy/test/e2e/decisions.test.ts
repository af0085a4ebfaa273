import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { named, origin } from "./origin.ts";
import { type Pagoda, run, until } from "./program.ts";
import { limited, Redis } from "./redis.ts";

/** What `pagoda why` prints about the request of each of some calls, in order. */
async function stories(pagoda: Pagoda, calls: number): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let n = 0; n < calls; n++) {
    const { message } = await call(pagoda.url);
    const { body } = await until(
      () =>
        call(`${pagoda.adminUrl}/requests/${message.headers["x-request-id"] as string}`, {
          headers: { accept: "text/plain" },
        }),
      ({ status }) => status === 200,
    );
    texts.push(body);
  }
  return texts;
}

test("the call that opens a breaker says so, and of which endpoint, and no other does", async () => {
  using folder = new Folder();
  await using failing = await origin((_message, response) => response.writeHead(500).end());
  const policies = { circuitBreaker: { failures: 2, open: "1m" } };
  await using pagoda = await configured(folder, through({ endpoints: [failing.url], policies }));
  const [first, second, third] = await stories(pagoda, 3);
  expect(first).not.toContain("opened by this call");
  expect(second).toMatch(
    new RegExp(
      `circuit-breaker of ${failing.url}: opened by this call for [\\d.]+ (s|min): 2 failures in a row`,
    ),
  );
  expect(third).not.toContain("opened by this call");
  expect(third).toContain(`circuit-breaker of ${failing.url}: refused: the circuit is open`);
});

test("the call that gets an endpoint ejected says so", async () => {
  using folder = new Folder();
  await using one = await origin((_message, response) => response.writeHead(500).end());
  await using other = await origin((_message, response) => response.writeHead(500).end());
  const cluster = {
    endpoints: [one.url, other.url],
    outliers: { consecutiveFailures: 2, ejection: "1m", maxEjected: "50%" },
  };
  await using pagoda = await configured(folder, through(cluster));
  const texts = await stories(pagoda, 4);
  const ejecting = texts.filter((text) => text.includes("ejected by this call"));
  expect(ejecting).toHaveLength(1);
  expect(ejecting[0]).toMatch(
    /outlier-detection: http:\S+ was ejected by this call for 1 min: 2 failures in a row/,
  );
});

test("a call that no endpoint took says how many were out for what reason, and for how long", async () => {
  using folder = new Folder();
  const fails = async () => origin((_message, response) => response.writeHead(500).end());
  await using one = await fails();
  await using two = await fails();
  await using three = await fails();
  const cluster = {
    endpoints: [one.url, two.url, three.url],
    panicThreshold: "0%",
    outliers: { consecutiveFailures: 3, ejection: "1m", maxEjected: "70%" },
    policies: { circuitBreaker: { failures: 4, open: "1m", successRate: "1%" } },
  };
  await using pagoda = await configured(folder, through(cluster));
  const texts = await stories(pagoda, 11);
  // After three failures each the first two are ejected, and a fourth opens the circuit of the last.
  expect(texts.at(-1)).toMatch(
    /refused by the proxy: NoEndpointReady: of 3 endpoints 2 ejected \(the first for [\d.]+ (s|min) more\), 1 circuit open \(for [\d.]+ (s|min) more\)/,
  );
  expect(texts.at(-1)).toMatch(/ejected: consecutive-failures; takes calls again in [\d.]+ (s|min)/);
});

test("pagoda why --last tells the last failed call, and names a later one that recovered", async () => {
  using folder = new Folder();
  let isDown = true;
  await using flapping = await origin((message, response) => {
    const status = isDown || message.url === "/again" ? 503 : 200;
    isDown = false;
    response.writeHead(status).end();
  });
  await using steady = await named("steady");
  const routes = [
    { name: "once", match: { path: "/once" }, cluster: "origin" },
    { name: "all", cluster: "both", policies: { retry: { attempts: 3 } } },
  ];
  const { listeners, clusters } = through({ endpoints: [flapping.url] }, { routes }) as {
    readonly listeners: object;
    readonly clusters: object;
  };
  const both = { endpoints: [flapping.url, steady.url] };
  await using pagoda = await configured(folder, { listeners, clusters: { ...clusters, both } });
  expect((await call(`${pagoda.url}/once`)).status).toBe(503);
  await until(
    async () => {
      await call(`${pagoda.url}/again`);
      return pagoda.admin("/requests?reason=recovered");
    },
    ({ text }) => text !== "[]",
  );
  const { code, output } = await run({}, "why", "--last", "--admin", pagoda.adminUrl);
  expect(code).toBe(0);
  expect(output).toMatch(/ ago: GET \S+\/once → 503 /);
  expect(output).toMatch(
    /\na later one was slow or needed a retry:\n\S+  \S+  GET \S+\/again → 200 .* after 1 failed/,
  );
});

test("admitted calls say how much the limits that they passed have left", async () => {
  using folder = new Folder();
  await using upstream = await named("one");
  const policies = {
    rateLimit: { global: { rate: "1/h", burst: 10 }, perClient: { rate: "1/h", burst: 5 } },
    clientConcurrency: { limit: 4 },
  };
  const route = { concurrencyLimit: 20, rateLimit: { global: { rate: "1/h", burst: 3 } } };
  const cluster = { endpoints: [upstream.url], policies: { concurrencyLimit: 7 } };
  const config = { ...through(cluster, { policies }, route), recorder: { sample: "100%" } };
  await using pagoda = await configured(folder, config);
  const [first, second] = await stories(pagoda, 2);
  expect(first).toContain("rate-limit of listener main: admitted, 4 of 5 left for this client\n");
  expect(second).toContain("rate-limit of listener main: admitted, 3 of 5 left for this client\n");
  expect(second).toContain("rate-limit: admitted, 1 of 3 left\n");
  expect(second).toContain(
    "keyed-concurrency-limit of listener main: admitted, 1 of 4 in use by this client\n",
  );
  expect(second).toContain("concurrency-limit: admitted, 1 of 20 in use\n");
  expect(second).toContain(`concurrency-limit of ${upstream.url}: admitted, 1 of 7 in use\n`);
});

test("admitted calls of a limit that workers share say about how much is left", async () => {
  using folder = new Folder();
  await using upstream = await named("one");
  const rateLimit = { global: { rate: "1/h", burst: 3 } };
  const config = {
    ...through({ endpoints: [upstream.url] }, {}, { rateLimit }),
    recorder: { sample: "100%" },
  };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  const texts = await stories(pagoda, 4);
  for (const [at, left] of [2, 1, 0].entries())
    expect(texts[at]).toContain(`rate-limit: admitted, about ${left} of 3 left\n`);
  expect(texts[3]).toContain("rate-limit: refused by the global limit of 1/h with bursts of 3; the next");
});

test("while the store of a limit is away, calls name the share that decides (defect: the whole limit)", async () => {
  using folder = new Folder();
  const redis = await Redis.start(folder);
  await redis.kill();
  const rateLimit = { global: { rate: "2/h", burst: 8 }, unreachable: { share: "25%" } };
  const config = { ...limited({ redis: [redis.url] }, rateLimit), recorder: { sample: "100%" } };
  await using pagoda = await configured(folder, config);
  const [first, , third] = await stories(pagoda, 3);
  const share = "a share of 25% because the store of the limit does not answer";
  expect(first).toContain(`rate-limit of listener main: admitted, about 1 of 2 left, ${share}\n`);
  expect(third).toContain(`refused by the global limit of 0.5/h with bursts of 2, ${share}; the next call`);
});

test("a limit that denies all while its store is away says so", async () => {
  using folder = new Folder();
  const redis = await Redis.start(folder);
  await redis.kill();
  const rateLimit = { perClient: { rate: "2/h", burst: 8 }, unreachable: "deny" };
  await using pagoda = await configured(folder, limited({ redis: [redis.url] }, rateLimit));
  const [text] = await stories(pagoda, 1);
  expect(text).toContain("refused: the store of the limit does not answer, and `unreachable` is deny");
});
