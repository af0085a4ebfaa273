import { callNotes, type HttpRequest, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { StackContextManager } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, test } from "vitest";
import { clientSpan, type ClientSpanOptions, serverSpan, type Traced } from "@pagoda/tracing";
import { get, incoming, mockHttp, refused, sdk, spanId, streamed, summary, traceId } from "./bench.ts";
import { nowhere } from "./test-body.ts";

const failed = { code: SpanStatusCode.ERROR };
const unset = { code: SpanStatusCode.UNSET };

function bench(options: ClientSpanOptions = {}) {
  const { tracer, ended } = sdk();
  const mock = mockHttp();
  return { mock, ended, tracer, layered: clientSpan({ tracer, ...options })(mock.service) };
}

afterEach(() => {
  propagation.disable();
  context.disable();
});

describe("clientSpan", () => {
  conformance(test, () => clientSpan(), { request: () => get(), response: () => httpResponse(200) });
  const { tracer } = sdk();
  describe("with an SDK", () => {
    conformance(test, () => clientSpan({ tracer }), {
      request: () => get(),
      response: () => httpResponse(200),
      changes: { request: ["headers"] },
      systemTimers: "library",
    });
  });

  test("records a call by the semantic conventions", async () => {
    const { mock, layered, ended } = bench();
    const notes = { ...callNotes(), tries: 1, route: "cart" };
    const result = layered.call({ ...get({ "user-agent": "curl/8" }), notes });
    const { answer } = await mock.next();
    Object.assign(notes, { upstream: "http://10.0.0.7:81" });
    answer(httpResponse(200));
    await result;
    expect(ended()[0]?.kind).toBe(SpanKind.CLIENT);
    expect(ended().map(summary)).toEqual([
      {
        name: "GET",
        status: unset,
        events: [],
        attributes: {
          "http.request.method": "GET",
          "http.request.resend_count": 1,
          "http.response.status_code": 200,
          "url.full": "http://shop.example/cart",
          "server.address": "shop.example",
          "server.port": 80,
          "network.peer.address": "10.0.0.7",
          "network.peer.port": 81,
          "user_agent.original": "curl/8",
        },
      },
    ]);
  });

  test("the first call to an origin has no resend count", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call({ ...get(), notes: callNotes() });
    (await mock.next()).answer(httpResponse(200));
    await result;
    expect(ended()[0]?.attributes).not.toHaveProperty("http.request.resend_count");
  });

  test("is a child of the server span, one per attempt", async () => {
    const { tracer, ended } = sdk();
    const mock = mockHttp();
    const tries = clientSpan({ tracer })(mock.service);
    const twice = {
      ...tries,
      call: async (request: HttpRequest & Traced, signal?: AbortSignal) => {
        await tries.call(request, signal);
        return tries.call(request, signal);
      },
    };
    const result = serverSpan({ tracer })(twice).call(get({ traceparent: incoming, tracestate: "a=1" }));
    const sent: (string | undefined)[] = [];
    for (const status of [503, 200]) {
      const call = await mock.next();
      sent.push(call.request.headers.get("traceparent"));
      expect(call.request.headers.all("traceparent")).toHaveLength(1);
      expect(call.request.headers.get("tracestate")).toBe("a=1");
      call.answer(httpResponse(status));
    }
    await result;
    const [first, second, server] = ended();
    expect(server?.parentSpanContext?.spanId).toBe(spanId);
    for (const [at, span] of [first, second].entries()) {
      expect(span?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
      expect(sent[at]).toBe(`00-${traceId}-${span?.spanContext().spanId}-01`);
    }
    expect(first?.spanContext().spanId).not.toBe(second?.spanContext().spanId);
  });

  test("sets the span's context on the request", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    const { trace: own } = call.request as HttpRequest & Traced;
    expect(trace.getSpanContext(own)).toEqual(ended()[0]?.spanContext());
  });

  test("without a server span the parent is the active span, and the span is active in inner layers", async () => {
    const { tracer, ended } = sdk();
    context.setGlobalContextManager(new StackContextManager().enable());
    const parent = tracer.startSpan("job");
    const active: (string | undefined)[] = [];
    const mock = mockHttp();
    const inner = {
      ...mock.service,
      call: (request: HttpRequest, signal?: AbortSignal) => {
        active.push(trace.getActiveSpan()?.spanContext().spanId);
        return mock.service.call(request, signal);
      },
    };
    const layered = clientSpan({ tracer })(inner);
    const result = context.with(trace.setSpan(ROOT_CONTEXT, parent), () => layered.call(get()));
    (await mock.next()).answer(httpResponse(200));
    await result;
    expect(ended()[0]?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    expect(active).toEqual([ended()[0]?.spanContext().spanId]);
  });

  test("replaces existing trace headers in any case and keeps the order of others", async () => {
    const { mock, layered } = bench();
    const headers = { TraceParent: [incoming, incoming], accept: "*/*", Tracestate: "old=1", baggage: "a=1" };
    const result = layered.call(get(headers));
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    const { raw } = call.request.headers;
    expect(raw.slice(0, 7)).toEqual([
      "host",
      "shop.example",
      "accept",
      "*/*",
      "baggage",
      "a=1",
      "traceparent",
    ]);
    expect(raw).toHaveLength(8);
    expect(raw[7]).not.toBe(incoming);
  });

  test("without an SDK headers pass unchanged", async () => {
    const mock = mockHttp();
    const layered = serverSpan()(clientSpan()(mock.service));
    const later = `cc-${traceId}-${spanId}-ff-more`;
    for (const traceparent of [incoming, later, "nonsense"]) {
      const result = layered.call(get({ traceparent, tracestate: "a=1", baggage: "b=2" }));
      const call = await mock.next();
      call.answer(httpResponse(200));
      await result;
      expect(call.request.headers.all("traceparent")).toEqual([traceparent]);
      expect(call.request.headers.all("tracestate")).toEqual(["a=1"]);
      expect(call.request.headers.all("baggage")).toEqual(["b=2"]);
    }
  });

  test("uses a registered propagator, also for baggage", async () => {
    const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
    const { tracer } = sdk();
    const mock = mockHttp();
    const layered = serverSpan({ tracer })(clientSpan({ tracer })(mock.service));
    // After the layers were created: an SDK may start late.
    propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
    const result = layered.call(get({ traceparent: incoming, baggage: ["user=ann", "cart=7"] }));
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    const { trace: own, headers } = call.request as HttpRequest & Traced;
    expect(propagation.getBaggage(own)?.getEntry("cart")?.value).toBe("7");
    expect(headers.all("baggage")).toEqual(["user=ann,cart=7"]);
    expect(headers.get("traceparent")).toContain(traceId);
  });

  test("a registered propagator keeps baggage missing from the context", async () => {
    const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
    propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
    const { mock, layered } = bench();
    const result = layered.call(get({ traceparent: incoming, tracestate: "a=1", baggage: "user=ann" }));
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    expect(call.request.headers.get("baggage")).toBe("user=ann");
    expect(call.request.headers.get("traceparent")).not.toContain(traceId);
    expect(call.request.headers.has("tracestate")).toBe(false);
  });

  test("without an SDK the context is unchanged", async () => {
    const remote = { traceId, spanId, traceFlags: 1, isRemote: true };
    const given = trace.setSpanContext(ROOT_CONTEXT, remote);
    const mock = mockHttp();
    const request: HttpRequest & Traced = { ...get(), trace: given };
    const result = clientSpan()(mock.service).call(request);
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    expect((call.request as HttpRequest & Traced).trace).toBe(given);
    expect(call.request.headers.get("traceparent")).toBe(incoming);
  });

  test("ends with the body, with an event for the headers", async () => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed();
    const result = layered.call(get());
    (await mock.next()).answer(response);
    await result;
    body.pipe(nowhere);
    expect(ended()).toHaveLength(0);
    body.end();
    expect(ended().map(summary)).toMatchObject([{ status: unset, events: ["pagoda.response.head"] }]);
  });

  test.each([
    ["breaks", "break"],
    ["is cancelled", "cancel"],
  ] as const)("a body that %s is incomplete", async (_how, how) => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed();
    const result = layered.call(get());
    (await mock.next()).answer(response);
    await result;
    body.pipe(nowhere);
    body[how]();
    const expected = { status: unset, attributes: { "pagoda.response.complete": false } };
    expect(ended().map(summary)).toMatchObject([expected]);
  });

  test.each([
    [399, unset, undefined],
    [404, failed, "404"],
    [503, failed, "503"],
  ])("a response of %d", async (status, expected, type) => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    (await mock.next()).answer(httpResponse(status));
    await result;
    expect(ended()[0]?.status).toEqual(expected);
    expect(ended()[0]?.attributes["error.type"]).toBe(type);
  });

  test("the upstream comes from the error or the notes", async () => {
    const { mock, layered, ended } = bench();
    const { upstream: _upstream, ...nameless } = refused;
    const notes = { ...callNotes(), upstream: "http://[2001:db8::1]:82" };
    for (const error of [refused, nameless]) {
      const result = layered.call({ ...get(), notes });
      (await mock.next()).fail(error);
      await result;
    }
    expect(ended().map(summary)).toMatchObject([
      { status: { ...failed, message: "Refused" }, attributes: { "network.peer.address": "10.0.0.7" } },
      { attributes: { "network.peer.address": "2001:db8::1", "network.peer.port": 82 } },
    ]);
  });

  test("an abort is not a failure", async () => {
    const { mock, layered, ended } = bench();
    const controller = new AbortController();
    const result = layered.call(get(), controller.signal);
    await mock.next();
    controller.abort();
    await result;
    expect(ended().map(summary)).toMatchObject([{ status: unset, attributes: { "error.type": "Aborted" } }]);
  });

  test("describes its side", () => {
    expect(bench().layered.describe()).toMatchObject({ name: "tracing", options: { kind: "client" } });
  });
});
