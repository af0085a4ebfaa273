import { request } from "node:https";
import { expect, test } from "vitest";
import { authority, shop } from "./certified.ts";
import { call } from "./client.ts";
import { configured, Folder } from "./configured.ts";
import { Envoy, envoyTypes, installsEnvoy, skipWithoutEnvoy } from "./envoy.ts";
import { buildsGoControlPlane, GoControlPlane, type GoSnapshot, skipWithoutGo } from "./go-control-plane.ts";
import { origin } from "./origin.ts";
import { until } from "./program.ts";
import { envoyListener, type GeneratedRequest, generatedRequests, routes } from "./envoy-routes.ts";

buildsGoControlPlane();
installsEnvoy();

/** An origin that says who it is and what it got. */
const saying = (name: string) =>
  origin(({ method, url, headers }, out) =>
    out.end(
      `${name} ${method} ${headers.host} ${url} ${headers["x-added"] ?? ""} ${headers["x-tier"] ?? ""}`,
    ),
  );

const controlled = (url: string, more: object = {}): object => ({
  control: { xds: { server: url, node: { id: "test" }, listeners: true } },
  workers: 1,
  ...more,
});

test("a listener and its routes mean the same as in Envoy, for 400 generated requests", async ({ skip }) => {
  skipWithoutGo(skip);
  skipWithoutEnvoy(skip);
  await using a = await saying("a");
  await using b = await saying("b");
  await using c = await saying("c");
  await using slow = await origin(() => {});
  const endpoints = (...origins: readonly { readonly port: number }[]) => ({
    endpoints: origins.map(({ port }) => ({ address: `127.0.0.1:${port}` })),
  });
  await using plane = await new GoControlPlane().listen();
  await plane.serve({
    version: "1",
    clusters: {
      a: endpoints(a),
      b: endpoints(b),
      c: endpoints(c),
      slow: endpoints(slow),
      empty: endpoints(),
    },
    listeners: [envoyListener("edge", "shop")],
    routes: [routes],
  });
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  await using envoy = await Envoy.start(folder, plane.port, { hasListeners: true });
  const answer = async (url: string, { host, path, method, headers }: GeneratedRequest): Promise<string> => {
    const { status, body, message } = await call(url + path, { method, headers: { ...headers, host } });
    const { location } = message.headers;
    // What a proxy answers by itself is worded differently.
    return [status, status === 200 || status === 403 || status === 410 ? body : "", location ?? ""].join(" ");
  };
  const asked = [
    ...generatedRequests(1, 400),
    { host: "shop.test", path: "/slow", method: "GET", headers: {} },
  ];
  await until(
    () => answer(envoy.url, asked[0] as GeneratedRequest),
    (text) => !text.startsWith("503"),
  );
  const differing: object[] = [];
  const kinds = new Set<string>();
  for (const request of asked) {
    // With a port, the guide names a difference.
    if (request.path.startsWith("/secure") && request.host.includes(":")) continue;
    const [ofEnvoy, ofPagoda] = await Promise.all([answer(envoy.url, request), answer(pagoda.url, request)]);
    kinds.add(ofEnvoy.slice(0, 5));
    if (ofEnvoy !== ofPagoda) differing.push({ ...request, ofEnvoy, ofPagoda });
  }
  expect(differing).toEqual([]);
  const sent = async (path: string, host: string = "shop.test"): Promise<readonly string[]> => {
    const request = { host, path, method: "GET", headers: {} };
    const both = await Promise.all([envoy.url, pagoda.url].map((url) => answer(url, request)));
    return both.map((text) => /\/\S*/.exec(text)?.[0] ?? text);
  };
  // The differences that the guide names.
  expect(await sent("/secure", "shop.test:8080")).toEqual(["//shop.test:8080/secure", "//shop.test/secure"]);
  expect([await sent("/sep"), await sent("/sep/"), await sent("/sep/x")]).toEqual([
    ["/", "/"],
    ["//", "/"],
    ["//x", "/x"],
  ]);
  expect([await sent("/sep-new"), await sent("/sep-new/x")]).toEqual([
    ["/new/", "/new"],
    ["/new//x", "/new/x"],
  ]);
  // The requests meet every kind of route.
  expect([...kinds].toSorted()).toEqual([
    "200 a",
    "200 b",
    "200 c",
    "301  ",
    "302  ",
    "308  ",
    "403 n",
    "404  ",
    "410 g",
    "418  ",
    "503  ",
    "504  ",
  ]);
});

/** A route configuration with these routes for all hosts. */
const all = (...list: readonly object[]): object => ({
  name: "shop",
  virtual_hosts: [{ name: "all", domains: ["*"], routes: list }],
});

test("weights and retries are those of the control plane", async ({ skip }) => {
  skipWithoutGo(skip);
  await using a = await saying("a");
  await using b = await saying("b");
  let calls = 0;
  await using flaky = await origin((_, out) => out.writeHead(++calls % 3 === 0 ? 200 : 500).end("flaky"));
  const at = ({ port }: { readonly port: number }) => ({ endpoints: [{ address: `127.0.0.1:${port}` }] });
  const weighted = {
    clusters: [
      { name: "a", weight: 3 },
      { name: "b", weight: 1 },
      { name: "none", weight: 0 },
    ],
  };
  await using plane = await new GoControlPlane().listen();
  await plane.serve({
    version: "1",
    clusters: { a: at(a), b: at(b), "flaky|80||it": at(flaky) },
    listeners: [envoyListener("edge", "shop")],
    routes: [
      all(
        {
          match: { prefix: "/flaky" },
          route: { cluster: "flaky|80||it", retry_policy: { retry_on: "5xx", num_retries: 2 } },
        },
        { match: { prefix: "/" }, route: { weighted_clusters: weighted } },
      ),
    ],
  });
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  const counts: Record<string, number> = {};
  for (let n = 0; n < 400; n++) {
    const { body } = await call(pagoda.url);
    counts[body.charAt(0)] = (counts[body.charAt(0)] ?? 0) + 1;
  }
  // The standard deviation is 8.7.
  expect(Math.abs((counts["a"] ?? 0) - 300)).toBeLessThan(50);
  expect((counts["a"] ?? 0) + (counts["b"] ?? 0)).toBe(400);
  expect(await call(`${pagoda.url}/flaky`, { method: "POST" })).toMatchObject({ status: 200, body: "flaky" });
  expect(calls).toBe(3);
});

test("routes change without losing a request, and a broken file does not keep them from it", async ({
  skip,
}) => {
  skipWithoutGo(skip);
  const answers = (status: number) => all({ match: { prefix: "/" }, direct_response: { status } });
  await using plane = await new GoControlPlane().listen();
  const snapshot = (version: string, status: number, more: Partial<GoSnapshot> = {}): GoSnapshot => ({
    version,
    clusters: {},
    listeners: [envoyListener("edge", "shop")],
    routes: [answers(status)],
    ...more,
  });
  await plane.serve(snapshot("1", 201));
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  expect((await call(pagoda.url)).status).toBe(201);
  folder.write("pagoda.yaml", "listeners: 7");
  await pagoda.log("configuration rejected; keeping the previous one");
  const seen = new Set<number>();
  let isOver = false;
  const calling = (async () => {
    while (!isOver) seen.add((await call(pagoda.url)).status);
  })();
  await plane.serve(snapshot("2", 202));
  await until(
    async () => (await call(pagoda.url)).status,
    (status) => status === 202,
  );
  isOver = true;
  await calling;
  expect([...seen].filter((status) => status !== 201 && status !== 202)).toEqual([]);
  const config = await (await fetch(`${pagoda.adminUrl}/config`)).json();
  expect(config).toMatchObject({ listeners: [{ name: "edge", order: "first" }] });

  // What is not supported is rejected by its name, and the last valid routes stay.
  const filter = {
    name: "envoy.filters.http.rbac",
    typed_config: { "@type": "type.googleapis.com/envoy.config.core.v3.Locality" },
  };
  const guarded = envoyListener("edge", "shop", { http_filters: [filter] });
  await plane.serve(snapshot("3", 203, { listeners: [guarded] }));
  const { error } = await plane.request(({ error: each }) => each !== undefined);
  expect(error).toContain(
    'http_filters must be the router alone, and optional ones (got "envoy.filters.http.rbac")',
  );
  await until(
    async () => (await call(pagoda.url)).status,
    (status) => status === 203,
  );
});

test("/ready waits for the listeners of the control plane", async ({ skip }) => {
  skipWithoutGo(skip);
  await using plane = await new GoControlPlane().listen();
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  const ready = async () => (await fetch(`${pagoda.adminUrl}/ready`)).text();
  expect(await ready()).toContain("the control plane has not sent its listeners and routes");
  await plane.serve({
    version: "1",
    clusters: {},
    listeners: [envoyListener("edge", "shop")],
    routes: [all({ match: { prefix: "/" }, direct_response: { status: 200 } })],
  });
  await until(ready, (text) => !text.includes("control plane"));
});

test("TLS of a listener has its certificate from the same control plane", async ({ skip }) => {
  skipWithoutGo(skip);
  const secret = { name: "edge-cert", sds_config: { ads: {}, resource_api_version: "V3" } };
  const context = {
    "@type": `${envoyTypes}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: { tls_certificate_sds_secret_configs: [secret] },
  };
  const chain = { transport_socket: { name: "tls", typed_config: context } };
  await using plane = await new GoControlPlane().listen();
  await plane.serve({
    version: "1",
    clusters: {},
    secrets: { "edge-cert": { certificate: shop.certificate, key: shop.key } },
    listeners: [envoyListener("edge", "shop", {}, chain)],
    routes: [all({ match: { prefix: "/" }, direct_response: { status: 218 } })],
  });
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  expect(pagoda.url).toMatch(/^https:/);
  const status = new Promise((resolve, reject) => {
    const options = { ca: authority.ca, servername: "shop.test" };
    request(pagoda.url, options, (message) => resolve(message.resume().statusCode))
      .once("error", reject)
      .end();
  });
  expect(await status).toBe(218);
});

test("a listener that cannot be opened does not keep the others from serving", async ({ skip }) => {
  skipWithoutGo(skip);
  await using taken = await origin(() => {});
  await using plane = await new GoControlPlane().listen();
  const serve = (version: string, ...ports: readonly number[]): Promise<void> =>
    plane.serve({
      version,
      clusters: {},
      listeners: ports.map((port, n) => envoyListener(`l${n}`, "shop", {}, {}, port)),
      routes: [all({ match: { prefix: "/" }, direct_response: { status: 200 + Number(version) } })],
    });
  await serve("1", 0, taken.port);
  using folder = new Folder();
  await using pagoda = await configured(folder, controlled(plane.url));
  expect((await call(pagoda.url)).status).toBe(201);
  expect(await pagoda.log("listener of the control plane left out")).toMatchObject({
    listener: "l1",
    reason: `cannot listen on 127.0.0.1:${taken.port}: EADDRINUSE`,
  });
  await using second = await origin(() => {});
  await serve("2", 0, taken.port, second.port);
  await until(
    async () => (await call(pagoda.url)).status,
    (status) => status === 202,
  );
});
