import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { client } from "@pagoda/client";
import { isLeft, type Layer, layer } from "@pagoda/core";
import { type HttpRequest, httpRequest, type HttpResponse, text } from "@pagoda/http";
import { metrics, stackMetrics } from "@pagoda/metrics";
import { clientSpan } from "@pagoda/tracing";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { scripted } from "./given.ts";

test("metrics count a call once, with its final status", async () => {
  const registry = new Registry();
  const { api, clock, mock } = scripted({ perCall: metrics({ registry }), timeoutMs: 5_000 });
  stackMetrics({ registry, stack: () => api });
  const call = api.get("/").text();
  (await mock.next()).answer(text("busy", 503));
  await clock.advance(50);
  (await mock.next()).answer(text("no", 404));
  await call;
  const late = api.get("/").text();
  await clock.advance(5_000);
  await late;
  const exposed = await registry.metrics();
  expect(exposed).toContain('http_requests_total{method="GET",status="404",upstream="none"} 1');
  expect(exposed).not.toContain('status="503"');
  expect(exposed).toContain('http_local_responses_total{reason="TimedOut"} 1');
  expect(exposed).toContain('stack_retry_retries{endpoint="http://shop.example"} 1');
  expect(exposed).toContain('stack_circuit_breaker_phase{endpoint="http://shop.example",state="closed"} 1');
});

test("each attempt has a span and passes the trace on", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const { api, clock, mock } = scripted({ perTry: clientSpan({ tracer: provider.getTracer("test") }) });
  const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
  const call = api.service.call({
    ...httpRequest("http://shop.example/"),
    trace: trace.setSpanContext(ROOT_CONTEXT, parent),
  } as HttpRequest);
  const first = await mock.next();
  first.answer(text("busy", 503));
  await clock.advance(50);
  const second = await mock.next();
  second.answer(text("ok"));
  const result = await call;
  if (isLeft(result)) throw new Error("expected a response");
  await result.right.body.text();
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([503, 200]);
  const sent = [first, second].map(({ request }) => request.headers.get("traceparent"));
  expect(sent).toEqual(spans.map((span) => `00-${parent.traceId}-${span.spanContext().spanId}-01`));
  expect(context.active()).toBe(ROOT_CONTEXT);
});

test("a layer around each call or attempt sees refusals of the policies inside", async () => {
  const seen: string[] = [];
  const watching = (place: string): Layer<HttpRequest, unknown, never, never, never, HttpResponse> =>
    layer<HttpRequest, unknown, never, never, never, HttpResponse>(place, (inner) => ({
      async call(request, signal) {
        const result = await inner.call(request, signal);
        seen.push(`${place} ${isLeft(result) ? (result.left as { readonly _tag: string })._tag : "Right"}`);
        return result;
      },
    }));
  const { api, mock } = scripted({ perCall: watching("call"), perTry: watching("try"), retry: false });
  for (let n = 0; n < 5; n++) {
    const call = api.get("/").text();
    (await mock.next()).answer(text("broken", 500));
    await call;
  }
  seen.length = 0;
  await api.get("/").text();
  expect(seen).toEqual(["try CircuitOpen", "call CircuitOpen"]);
});

test("a client can be described", () => {
  const names: string[] = [];
  const api = client({ baseUrl: "http://shop.example", hedge: true, headers: { a: "b" } });
  for (let at = [api.describe()]; at[0] !== undefined; at = [...(at[0].inner ?? [])]) names.push(at[0].name);
  expect(names).toEqual([
    "default-headers",
    "timeout",
    "follow-redirects",
    "hosts",
    "endpoint",
    "replay",
    "retry",
    "hedge",
    "circuit-breaker",
    "buffer",
    "concurrency-limit",
    "timeout",
    "whole-body",
    "decompress",
    "transport",
  ]);
});
