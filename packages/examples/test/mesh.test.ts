import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@pagoda/http/server";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Description } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, onTestFinished, test } from "vitest";
import { mesh } from "../src/mesh.ts";

interface Origin {
  readonly url: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
  }[];
  /** What it answers with. */
  status: number;
}

async function origin(name: string): Promise<Origin> {
  const server = createServer((message, out) => {
    const { method = "", url = "", headers } = message;
    one.requests.push({ method, url, headers });
    message.resume().on("end", () => {
      out.statusCode = one.status;
      out.end(name);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const one: Origin = { url: `http://127.0.0.1:${port}`, requests: [], status: 200 };
  return one;
}

/** The example between real sockets, and what it tells an operator. */
async function bench(canaryShare: number) {
  const [first, second, canary, audit] = await Promise.all(
    ["first", "second", "canary", "audit"].map(origin),
  );
  const origins = { first, second, canary, audit } as Record<"first" | "second" | "canary" | "audit", Origin>;
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const registry = new Registry();
  const { stack, close } = mesh({
    stable: [origins.first.url, origins.second.url],
    canary: [origins.canary.url],
    audit: origins.audit.url,
    canaryShare,
    logger,
    registry,
    tracer: provider.getTracer("example"),
  });
  const server = await serve(stack);
  if (server._tag === "Left") throw server.left.cause;
  onTestFinished(async () => {
    await server.right.close();
    close();
  });
  const { url } = server.right;
  async function get(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const response = await fetch(url + path, { redirect: "manual", ...init });
    return { status: response.status, text: await response.text() };
  }
  const endpoint = ({ url }: Origin) =>
    all(stack.describe()).find(({ options }) => options?.["key"] === url)?.state;
  return { get, origins, lines, registry, exporter, endpoint };
}

/** A description and all that is in it. */
function all(description: Description): Description[] {
  return [description, ...(description.inner ?? []).flatMap(all)];
}

describe("the mesh example", () => {
  test("splits calls between two clusters by weight", async () => {
    const { get, origins } = await bench(0.5);
    for (let n = 0; n < 200; n++) await get("/api/items");
    const { length } = origins.canary.requests;
    // Five standard deviations.
    expect(length).toBeGreaterThan(64);
    expect(length).toBeLessThan(136);
    expect(origins.first.requests.length + origins.second.requests.length).toBe(200 - length);
    expect(origins.canary.requests[0]?.url).toBe("/items");
  });

  test("ejects a failing endpoint without clients noticing", async () => {
    const { get, origins, endpoint } = await bench(0.000_001);
    origins.first.status = 503;
    const statuses = new Set<number>();
    for (let n = 0; n < 60; n++) statuses.add((await get("/api/items")).status);
    expect([...statuses]).toEqual([200]);
    expect(origins.first.requests.length).toBe(5);
    expect(endpoint(origins.first)).toMatchObject({ healthy: false });
    expect(endpoint(origins.second)).toMatchObject({ healthy: true });
  });

  test("answers requests without a route itself", async () => {
    const { get, origins } = await bench(0.5);
    expect(await get("/nowhere")).toMatchObject({ status: 404 });
    expect(await get("/orders")).toMatchObject({ status: 405 });
    expect(await get("/v1/items")).toMatchObject({ status: 308 });
    expect(await get("/api/%zz")).toMatchObject({ status: 400 });
    expect(Object.values(origins).flatMap(({ requests }) => requests)).toEqual([]);
  });

  test("mirrors orders without delaying them", async () => {
    const { get, origins } = await bench(0.5);
    const order = { method: "POST", body: "two apples" };
    expect(await get("/orders/7", order)).toMatchObject({ status: 200 });
    while (origins.audit.requests.length === 0) await settled();
    expect(origins.audit.requests[0]).toMatchObject({ method: "POST", url: "/orders/7" });
  });

  test("one trace contains the call and each of its attempts", async () => {
    const { get, origins, exporter } = await bench(0.000_001);
    origins.first.status = 503;
    origins.second.status = 503;
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect(await get("/api/items", { headers: { traceparent } })).toMatchObject({ status: 503 });
    while (exporter.getFinishedSpans().length < 4) await settled();
    const spans = exporter.getFinishedSpans();
    const ids = new Set(spans.map((span) => span.spanContext().traceId));
    expect([...ids]).toEqual(["0af7651916cd43dd8448eb211c80319c"]);
    expect(spans.map(({ name }) => name)).toEqual(["GET", "GET", "GET", "GET api"]);
    const sent = [...origins.first.requests, ...origins.second.requests].map(
      ({ headers }) => headers["traceparent"],
    );
    expect(sent.toSorted()).toEqual(
      spans
        .slice(0, 3)
        .map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`)
        .toSorted(),
    );
  });

  test("logs one line per call with its route and outcome", async () => {
    const { get, lines, origins } = await bench(0.000_001);
    await get("/api/items");
    await get("/nowhere");
    while (lines.length < 2) await settled();
    const [answered, refused] = lines;
    expect(answered).toMatchObject({ route: "api", cluster: "stable", status: 200, tries: 1 });
    expect([origins.first.url, origins.second.url]).toContain(answered?.["upstream"]);
    expect(refused).toMatchObject({ status: 404, fault: { tag: "NoRoute" } });
    expect(refused?.["requestId"]).toEqual(expect.any(String));
  });

  test("metrics are labelled by route", async () => {
    const { get, registry } = await bench(0.5);
    await get("/api/items");
    await get("/api/other");
    await get("/nowhere");
    const text = await registry.metrics();
    const calls = text.match(/^http_requests_total\{.*route="api".*\} \d+$/gm) ?? [];
    expect(calls.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)).toBe(2);
    expect(text).toMatch(/^http_local_responses_total\{reason="NoRoute",route="none",cluster="none"\} 1$/m);
  });
});
