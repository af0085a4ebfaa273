import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SpanKind } from "@opentelemetry/api";
import { accessLog } from "@pagoda/access-log";
import { balance, roundRobin } from "@pagoda/balance";
import { isRight, ServiceBuilder, staticEndpoints } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { hedge } from "@pagoda/hedge";
import { type HttpRequest, httpRequest } from "@pagoda/http";
import { metrics } from "@pagoda/metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { replay } from "@pagoda/replay";
import { constant, retry } from "@pagoda/retry";
import { clientSpan, serverSpan, type Traced } from "@pagoda/tracing";
import { transport } from "@pagoda/transport";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, onTestFinished, test } from "vitest";

/** A PUT that an origin has received and not answered. */
interface Held {
  readonly upstream: string;
  readonly out: ServerResponse;
}

/** Two origins that hold each PUT until the test answers it and answer everything else at once. */
async function origins() {
  const held: Held[] = [];
  let arrived = (): void => {};
  async function origin(): Promise<string> {
    const server = createServer((message, out) => {
      if (message.method !== "PUT") return void out.end();
      held.push({ upstream, out });
      arrived();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return upstream;
  }
  async function next(): Promise<Held> {
    while (held.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return held.shift() as Held;
  }
  return { keys: [await origin(), await origin()], next };
}

/** Retries around hedges around a balancer of two origins, and what an operator sees of a PUT. */
async function bench() {
  const { keys, next } = await origins();
  const clock = virtualClock();
  const registry = new Registry();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracer = provider.getTracer("test");
  const balancer = balance({
    discovery: staticEndpoints(keys.map((key) => ({ key }))),
    strategy: roundRobin(),
    connect({ key }, atEnd) {
      const origin = transport(key);
      atEnd(() => void origin.close());
      return new ServiceBuilder<HttpRequest & Traced>().layer(clientSpan({ tracer })).service(origin);
    },
  });
  onTestFinished(() => balancer.close());
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(serverSpan({ tracer }))
    .layer(metrics({ registry }))
    .layer(accessLog({ logger }))
    .layer(replay())
    .layer(retry({ attempts: 2, backoff: constant(0) }))
    .layer(hedge({ clock, maxExtraLoad: 0.5, windowMs: 100, minSamples: 1 }))
    .service(balancer);

  async function call(method: string): Promise<number | undefined> {
    const result = await stack.call({ ...httpRequest("http://shop.example/"), method });
    if (!isRight(result)) return undefined;
    await result.right.body.bytes();
    return result.right.status;
  }

  async function seen() {
    const text = await registry.metrics();
    const [, upstream] = /^http_requests_total\{method="PUT",.*upstream="(.*)"\} 1$/m.exec(text) ?? [];
    const line = lines.find(({ method }) => method === "PUT");
    return { metrics: upstream, log: line?.["upstream"], tries: line?.["tries"] };
  }
  /** Ports of the origins that the spans of the PUT's calls name, in the order in which these ended. */
  function spanPorts(): readonly unknown[] {
    return exporter
      .getFinishedSpans()
      .filter(
        ({ kind, attributes }) => kind === SpanKind.CLIENT && attributes["http.request.method"] === "PUT",
      )
      .map(({ attributes }) => attributes["network.peer.port"]);
  }
  return { clock, call, next, seen, spanPorts };
}

/** A hedge knows what is slow after one window of quick calls; then both calls of a PUT are in flight. */
async function hedged() {
  const bed = await bench();
  for (let n = 0; n < 20; n++) {
    await bed.call("GET");
    await bed.clock.advance(10);
  }
  const status = bed.call("PUT");
  const first = await bed.next();
  await bed.clock.advance(50);
  const second = await bed.next();
  expect(second.upstream).not.toBe(first.upstream);
  return { ...bed, status, first, second };
}

describe("access log, metrics and spans name the upstream that answered", () => {
  test("the second call of a hedge", async () => {
    const { status, first, second, seen, spanPorts } = await hedged();
    second.out.end();
    expect(await status).toBe(200);
    expect(await seen()).toEqual({ metrics: second.upstream, log: second.upstream, tries: 2 });
    const ports = [first, second].map(({ upstream }) => Number(new URL(upstream).port));
    expect(spanPorts().toSorted()).toEqual(ports.toSorted());
  });

  test("the first call of a hedge, although the second was made later", async () => {
    const { status, first, seen } = await hedged();
    first.out.end();
    expect(await status).toBe(200);
    expect(await seen()).toEqual({ metrics: first.upstream, log: first.upstream, tries: 2 });
  });

  test("the first call of a hedge, although the second failed before", async () => {
    const { status, first, second, seen } = await hedged();
    second.out.writeHead(503).end();
    await once(second.out, "close");
    first.out.end();
    expect(await status).toBe(200);
    expect(await seen()).toEqual({ metrics: first.upstream, log: first.upstream, tries: 2 });
  });

  test("the second attempt of a retry", async () => {
    const { call, next, seen } = await bench();
    const status = call("PUT");
    const first = await next();
    first.out.writeHead(503).end();
    const second = await next();
    expect(second.upstream).not.toBe(first.upstream);
    second.out.end();
    expect(await status).toBe(200);
    expect(await seen()).toEqual({ metrics: second.upstream, log: second.upstream, tries: 2 });
  });
});
