import { createServer } from "node:https";
import { describe, expect, test } from "vitest";
import { shop } from "./certified.ts";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, listen, named, origin, refusing, silent } from "./origin.ts";
import { type Pagoda, run, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

const idOf = ({ message }: Awaited<ReturnType<typeof call>>): string =>
  message.headers["x-request-id"] as string;

/** What `pagoda why` prints about a request; the record is made at the end of its response. */
async function whyOf(pagoda: Pagoda, id: string): Promise<string> {
  const headers = { accept: "text/plain" };
  const { body } = await until(
    () => call(`${pagoda.adminUrl}/requests/${id}`, { headers }),
    ({ status }) => status === 200,
  );
  return body;
}

/** Calls the proxy until a response is as wanted, and returns its request's id. */
async function idWhen(pagoda: Pagoda, isWanted: (status: number) => boolean): Promise<string> {
  const answer = await until(
    () => call(pagoda.url),
    ({ status }) => isWanted(status),
  );
  return idOf(answer);
}

describe("pagoda why names the cause", () => {
  test("of a slow response: the origin and how long it took", async () => {
    using folder = new Folder();
    const arrivals = new Arrivals<Held>();
    await using slow = await held(arrivals);
    const config = { ...through({ endpoints: [slow.url] }), recorder: { slow: "20ms" } };
    await using pagoda = await configured(folder, config);
    const answered = call(pagoda.url);
    const { response } = await arrivals.next();
    const since = performance.now();
    await until(
      async () => {
        // A look that waits for nothing would use up all looks in less than these 20 ms.
        await pagoda.admin("/health");
        return performance.now() - since;
      },
      (ms) => ms > 20,
    );
    response.end("late");
    const text = await whyOf(pagoda, idOf(await answered));
    expect(text).toMatch(new RegExp(`→ 200 in \\d+ ms: slow: ${slow.url} took \\d+ ms`));
    expect(text).toContain(`try 1: ${slow.url}: 200 in `);
    expect(text).toContain("hint: `pagoda top` shows which endpoint is slow now");
  });

  test("of a flapping origin: its calls that succeed and fail", async () => {
    using folder = new Folder();
    let calls = 0;
    await using flapping = await origin((_message, response) =>
      response.writeHead(calls++ % 2 === 0 ? 200 : 500).end(),
    );
    await using pagoda = await configured(folder, through({ endpoints: [flapping.url] }));
    const text = await whyOf(pagoda, await idWhen(pagoda, (status) => status === 500));
    expect(text).toContain(`→ 500 in `);
    expect(text).toContain(`: ${flapping.url} answered 500`);
    expect(text).toContain(
      `hint: ${flapping.url} fails now and then: in the last 5 minutes 1 calls succeeded, 1 failed`,
    );
  });

  test("of a certificate that the proxy does not trust", async () => {
    using folder = new Folder();
    const server = createServer({ cert: shop.certificate, key: shop.key }, (_request, response) =>
      response.end(),
    );
    await using secured = await listen(server, 0, "https");
    await using pagoda = await configured(folder, through({ endpoints: [secured.url] }));
    const text = await whyOf(pagoda, await idWhen(pagoda, (status) => status === 502));
    expect(text).toContain(`${secured.url} failed: ConnectFailed: `);
    expect(text).toMatch(/unable to verify the first certificate|self-signed certificate/);
    expect(text).toContain("hint: the proxy does not trust who issued the origin's certificate: `tls.ca`");
    expect(text).not.toContain("is it running?");
  });

  test("of a time limit, in the same words for the request and its try", async () => {
    using folder = new Folder();
    await using upstream = await silent();
    await using pagoda = await configured(
      folder,
      through({ endpoints: [upstream.url] }, {}, { timeout: "1s" }),
    );
    const text = await whyOf(pagoda, idOf(await call(pagoda.url)));
    expect(text).toMatch(
      new RegExp(`→ 504 in \\d+ ms: (${upstream.url} failed|refused by the proxy): no answer within 1 s\n`),
    );
    expect(text).toMatch(
      new RegExp(`try 1: ${upstream.url}: given up after [\\d.]+ ms: no answer within 1 s\n`),
    );
    expect(text).toContain("timeout: no answer within 1 s\n");
    expect(text).toContain("answered 504: no answer within 1 s\n");
    expect(text).not.toMatch(/TimedOut|Aborted/);
  });

  test("of a rate limit: the proxy's own", async () => {
    using folder = new Folder();
    await using upstream = await named("one");
    const rateLimit = { global: { rate: "1/h", burst: 1 } };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, {}, { rateLimit }));
    const text = await whyOf(pagoda, await idWhen(pagoda, (status) => status === 429));
    expect(text).toMatch(/ ago: GET \S+ → 429 in \S+ ms: refused by the global limit of 1\/h$/m);
    expect(text).toContain("answered 429: refused by the global limit of 1/h\n");
    expect(text).toContain("rate-limit: refused by the global limit of 1/h with bursts of 1; the next call");
    expect(text).toMatch(/hint: this is `rateLimit` of route all; stack_events_total/);
    // It was refused before any endpoint was chosen.
    expect(text).not.toContain(upstream.url);
  });

  test("of a rate limit of the listener, which is asked before there is a route", async () => {
    using folder = new Folder();
    await using upstream = await named("one");
    const policies = { rateLimit: { global: { rate: "1/h", burst: 1 } } };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { policies }));
    const text = await whyOf(pagoda, await idWhen(pagoda, (status) => status === 429));
    expect(text).toContain("hint: this is `rateLimit` of listener main; stack_events_total");
  });

  test("of a rate limit: the origin's", async () => {
    using folder = new Folder();
    await using strict = await origin((_message, response) => response.writeHead(429).end());
    await using pagoda = await configured(folder, through({ endpoints: [strict.url] }));
    const text = await whyOf(pagoda, idOf(await call(pagoda.url)));
    expect(text).toContain(`: refused by ${strict.url} with 429`);
    expect(text).toContain("hint: the origin limits the rate, not the proxy");
    expect(text).not.toContain("hint: /clusters");
  });

  test("of calls that recovered: an endpoint that works now and then", async () => {
    using folder = new Folder();
    let calls = 0;
    await using steady = await named("steady");
    await using flapping = await origin((_message, response) =>
      response.writeHead(calls++ % 2 === 0 ? 200 : 503).end(),
    );
    const clusters = { endpoints: [flapping.url, steady.url] };
    await using pagoda = await configured(folder, through(clusters, {}, { retry: { attempts: 2 } }));
    const { output } = await until(
      async () => {
        await call(pagoda.url);
        return run({}, "why", "--admin", pagoda.adminUrl, "--last", "--reason", "recovered");
      },
      ({ code }) => code === 0,
    );
    expect(output).toContain(`after 1 failed try: ${flapping.url} answered 503`);
    expect(output).toMatch(
      new RegExp(
        `hint: ${flapping.url} fails now and then: in the last 5 minutes \\d+ calls succeeded, \\d+ failed`,
      ),
    );
  });

  test("of retried calls: the one dead endpoint of three", async () => {
    using folder = new Folder();
    await using one = await named("one");
    await using two = await named("two");
    await using pagoda = await configured(folder, through({ endpoints: [one.url, refusing, two.url] }));
    for (let n = 0; n < 3; n++) expect((await call(pagoda.url)).status).toBe(200);
    const kept = await until(
      () => pagoda.admin("/requests?reason=recovered"),
      ({ text }) => text !== "[]",
    );
    expect(JSON.parse(kept.text)).toMatchObject([{ reason: "recovered", status: 200 }]);
    const { output } = await run({}, "why", "--admin", pagoda.adminUrl, "--last");
    expect(output).toContain(` after 1 failed try: ${refusing} failed: ConnectFailed: connect ECONNREFUSED`);
    expect(output).toMatch(new RegExp(`${refusing}  0 calls succeeded, 1 failed`));
    expect(output).toMatch(/try 1: http:\/\/127\.0\.0\.1:1: ConnectFailed: connect ECONNREFUSED/);
    expect(output).toContain(`balance: ${refusing} had not processed the request, so it was sent to http`);
    expect(output).toContain(`hint: ${refusing} cannot be reached`);
  });
});

test("a refused call says which endpoints could not take it and why", async () => {
  using folder = new Folder();
  await using failing = await origin((_message, response) => response.writeHead(500).end());
  const policies = { circuitBreaker: { failures: 1, open: "1m" } };
  await using pagoda = await configured(folder, through({ endpoints: [failing.url], policies }));
  const text = await whyOf(pagoda, await idWhen(pagoda, (status) => status === 503));
  expect(text).toMatch(
    /: refused by the proxy: NoEndpointReady: of 1 endpoints 1 circuit open \(for [\d.]+ (s|min) more\)/,
  );
  expect(text).toContain("endpoints of origin when it ended:");
  expect(text).toMatch(
    new RegExp(
      `${failing.url}  0 calls succeeded, 1 failed; circuit open: .*; takes calls again in [\\d.]+ (s|min)`,
    ),
  );
});

test("retries are told with their endpoints, statuses and waits", async () => {
  using folder = new Folder();
  await using failing = await origin((_message, response) => response.writeHead(503).end());
  await using pagoda = await configured(
    folder,
    through({ endpoints: [failing.url] }, {}, { retry: { attempts: 2 } }),
  );
  const text = await whyOf(pagoda, idOf(await call(pagoda.url)));
  expect(text).toMatch(/try 1: \S+: 503 in/);
  expect(text).toMatch(
    /retry: attempt 2 of 2 after 503 from http:\/\/\S+; waited \d+ ms; the retry budget has \d+ left/,
  );
  expect(text).toMatch(/try 2: \S+: 503 in/);
  expect(text).toContain("retry: gave up after 2 attempts: `attempts` does not allow more");
});

describe("/requests", () => {
  test("lists the calls of all workers, filters them, and names what is wrong with a query", async () => {
    using folder = new Folder();
    const routes = [
      { name: "ok", match: { path: { prefix: "/ok" } }, respond: { status: 200, body: "ok" } },
      { name: "down", cluster: "origin" },
    ];
    const config = { ...through({ endpoints: [refusing] }, { routes }), recorder: { sample: "100%" } };
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    for (let n = 0; n < 4; n++) {
      await call(`${pagoda.url}/ok`);
      await call(`${pagoda.url}/down?token=secret`);
    }
    const all = await until(
      async () => JSON.parse((await pagoda.admin("/requests")).text) as readonly { readonly time: string }[],
      (calls) => calls.length === 8,
    );
    const times = all.map(({ time }) => time);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(JSON.stringify(all)).not.toContain("secret");
    const count = async (query: string): Promise<number> =>
      (JSON.parse((await pagoda.admin(`/requests?${query}`)).text) as readonly unknown[]).length;
    expect(await count("reason=failed")).toBe(4);
    expect(await count("reason=failed,sampled&limit=5")).toBe(5);
    expect(await count("route=ok")).toBe(4);
    expect(await count("status=5xx&cluster=origin")).toBe(4);
    expect(await count(`endpoint=${refusing}`)).toBe(4);
    expect(await count("since=2100-01-01")).toBe(0);
    for (const [query, problem] of [
      [
        "reason=odd",
        'reason must be among failed, refused, slow, recovered, sampled, unread, separated by commas (got "odd")',
      ],
      ["status=9", 'status must be a status or a class of them, such as 503 or 5xx (got "9")'],
      ["since=soon", 'since must be a time, such as 2026-12-01T09:30:00Z (got "soon")'],
      ["all=no", 'all must be true or absent (got "no")'],
      ["limit=0", 'limit must be an integer from 1 to 1000 (got "0")'],
      [
        "color=red",
        'the parameters must be among reason, listener, route, cluster, status, endpoint, since, limit (got "color")',
      ],
    ])
      expect(await pagoda.admin(`/requests?${query}`)).toEqual({ status: 400, text: `${problem}\n` });
  });

  test("says what is kept when a request is unknown", async () => {
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [refusing] }));
    const unknown = await pagoda.admin("/requests/no-such-id");
    expect(unknown.status).toBe(404);
    expect(unknown.text).toContain("no request no-such-id is kept\nEach worker keeps its last 100 failed, ");
    const { code, output } = await run({}, "why", "--admin", pagoda.adminUrl, "no-such-id");
    expect({ code, output }).toEqual({ code: 1, output: unknown.text });
  });

  test("keeps nothing with recorder.keep 0", async () => {
    using folder = new Folder();
    const config = { ...through({ endpoints: [refusing] }), recorder: { keep: 0 } };
    await using pagoda = await configured(folder, config);
    const { text } = await pagoda.admin(`/requests/${idOf(await call(pagoda.url))}`);
    expect(text).toBe("no requests are kept: `recorder.keep` is 0\n");
  });

  test("has header fields only if recorder.headers names them", async () => {
    using folder = new Folder();
    const config = { ...through({ endpoints: [refusing] }), recorder: { headers: ["x-tenant"] } };
    await using pagoda = await configured(folder, config);
    const headers = { "x-tenant": "acme", authorization: "Bearer secret" };
    const text = await whyOf(pagoda, idOf(await call(pagoda.url, { headers })));
    expect(text).toContain("request x-tenant: acme");
    expect(text).not.toContain("secret");
  });
});

test("pagoda why finds the program by its configuration, and a request by its trace", async () => {
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [refusing] }));
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  await call(pagoda.url, { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
  const { host } = new URL(pagoda.adminUrl);
  const { code, output } = await run({ PROXY_METRICS_ADDR: host }, "why", trace);
  expect(code).toBe(0);
  expect(output).toContain(`, trace ${trace}`);
  const { output: listed } = await run({ PROXY_METRICS_ADDR: host }, "why", "--route", "all", "--all");
  expect(listed).toMatch(/^\S+  \S+  GET \S+ → 502 in \S+ ms: http:\/\/127\.0\.0\.1:1 failed: /);
});

test("pagoda why counts requests by their cause, and lists each with --all", async () => {
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [refusing] }));
  for (let n = 0; n < 3; n++) await call(pagoda.url);
  const { output } = await until(
    () => run({}, "why", "--admin", pagoda.adminUrl),
    ({ output: text }) => text.startsWith("×3"),
  );
  expect(output).toMatch(
    /^×3 in the last [\d.]+ m?s: http:\/\/127\.0\.0\.1:1 failed: ConnectFailed: connect ECONNREFUSED 127\.0\.0\.1:1\n {4}newest: \S+, GET \S+ → 502 in \S+ ms, [\d.]+ m?s ago\n {4}listener main, route all\n {4}hint: http:\/\/127\.0\.0\.1:1 cannot be reached [^\n]+\n$/,
  );
  const { output: each } = await run({}, "why", "--all", "--admin", pagoda.adminUrl);
  expect(each.match(/^\S+ {2}\S+ {2}GET /gm)).toHaveLength(3);
});

test("pagoda why explains what is wrong with its arguments", async () => {
  expect(await run({}, "why", "a", "b")).toMatchObject({
    code: 2,
    output: 'pagoda why: unknown argument "b"; see pagoda --help\n',
  });
  expect(await run({}, "why", "a", "--last")).toMatchObject({
    code: 2,
    output: "pagoda why: an ID must be the only argument; see pagoda --help\n",
  });
  expect(await run({}, "why", "--all", "--last")).toMatchObject({
    code: 2,
    output: "pagoda why: --last and --all exclude each other; see pagoda --help\n",
  });
  const nobody = `http://127.0.0.1:${await quietPort()}`;
  const { code, output } = await run({}, "why", "--admin", nobody, "--last");
  expect(code).toBe(1);
  expect(output).toMatch(
    /^pagoda: the admin endpoint http:\S+ cannot be reached \(connect ECONNREFUSED \S+\): does pagoda run/,
  );
});
