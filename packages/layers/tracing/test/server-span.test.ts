import { callNotes, type HttpRequest, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { type Fault, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { serverSpan, type ServerSpanOptions, type Traced } from "@pagoda/tracing";
import { get, incoming, mockHttp, refused, sdk, spanId, summary, traceId } from "./bench.ts";

const failed = { code: SpanStatusCode.ERROR };
const unset = { code: SpanStatusCode.UNSET };

function bench(options: ServerSpanOptions = {}) {
  const { tracer, ended } = sdk();
  const mock = mockHttp();
  const layered = serverSpan({ tracer, ...options })(mock.service);
  return { mock, layered, ended, tracer };
}

/** The trace seen by inner. */
function traceOf(request: HttpRequest) {
  return trace.getSpanContext((request as HttpRequest & Traced).trace);
}

describe("serverSpan", () => {
  conformance(test, () => serverSpan(), { request: () => get(), response: () => httpResponse(200) });
  const { tracer } = sdk();
  describe("with an SDK", () => {
    conformance(test, () => serverSpan({ tracer }), {
      request: () => get({ traceparent: incoming }),
      response: () => httpResponse(200),
      systemTimers: "library",
    });
  });

  test("records a call by the semantic conventions", async () => {
    const { mock, layered, ended } = bench();
    const request: HttpRequest = {
      ...get({ "user-agent": "curl/8" }),
      authority: "shop.example:8443",
      scheme: "https",
      peer: { address: "192.0.2.1", port: 50_123 },
      notes: { ...callNotes(), route: "cart" },
    };
    const result = layered.call(request);
    (await mock.next()).answer(httpResponse(200));
    await result;
    const [span] = ended();
    expect(span?.kind).toBe(SpanKind.SERVER);
    expect(span && summary(span)).toEqual({
      name: "GET cart",
      status: unset,
      events: [],
      attributes: {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "cart",
        "url.scheme": "https",
        "url.path": "/cart",
        "server.address": "shop.example",
        "server.port": 8443,
        "client.address": "192.0.2.1",
        "network.peer.address": "192.0.2.1",
        "network.peer.port": 50_123,
        "network.protocol.version": "1.1",
        "user_agent.original": "curl/8",
      },
    });
  });

  test.each([
    ["[2001:db8::1]:81", "2001:db8::1", 81],
    ["[2001:db8::1]", "2001:db8::1", 80],
    ["shop.example", "shop.example", 80],
    ["shop.example:", "shop.example", 80],
  ])("parses the authority %s", async (authority, address, port) => {
    const { mock, layered, ended } = bench();
    const result = layered.call({ ...get(), authority });
    (await mock.next()).answer(httpResponse(200));
    await result;
    expect(ended()[0]?.attributes).toMatchObject({ "server.address": address, "server.port": port });
  });

  test("uses the client identified by an outer layer", async () => {
    const { mock, layered, ended } = bench();
    const request = { ...get(), peer: { address: "10.0.0.1", port: 1 }, client: { address: "198.51.100.1" } };
    const result = layered.call(request);
    (await mock.next()).answer(httpResponse(200));
    await result;
    const expected = { "client.address": "198.51.100.1", "network.peer.address": "10.0.0.1" };
    expect(ended()[0]?.attributes).toMatchObject(expected);
  });

  test("unknown methods do not appear in names", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call({ ...get(), method: "BREW" });
    (await mock.next()).answer(httpResponse(200));
    await result;
    expect(ended()[0]?.name).toBe("HTTP");
    const expected = { "http.request.method": "_OTHER", "http.request.method_original": "BREW" };
    expect(ended()[0]?.attributes).toMatchObject(expected);
  });

  test("continues the trace of the request", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get({ traceparent: incoming, tracestate: "a=1" }));
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    expect(ended()[0]?.parentSpanContext).toMatchObject({ traceId, spanId });
    expect(traceOf(call.request)).toEqual(ended()[0]?.spanContext());
    expect(traceOf(call.request)?.traceState?.serialize()).toBe("a=1");
    expect(call.request.headers.get("traceparent")).toBe(incoming);
  });

  test("starts a trace if the request has none", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    expect(ended()[0]?.parentSpanContext).toBeUndefined();
    expect(traceOf(call.request)).toEqual(ended()[0]?.spanContext());
  });

  test("without an SDK the trace passes unchanged", async () => {
    const mock = mockHttp();
    const result = serverSpan()(mock.service).call(get({ traceparent: incoming }));
    const call = await mock.next();
    call.answer(httpResponse(200));
    expect(await result).toEqual(right(httpResponse(200)));
    expect(traceOf(call.request)).toMatchObject({ traceId, spanId });
  });

  test("without an SDK and a trace no context is created", async () => {
    const mock = mockHttp();
    const result = serverSpan()(mock.service).call(get());
    const call = await mock.next();
    call.answer(httpResponse(200));
    await result;
    expect((call.request as HttpRequest & Traced).trace).toBe(ROOT_CONTEXT);
  });

  test("an untrusted peer gets a new trace, and its headers are removed", async () => {
    const { mock, layered, ended } = bench({ trust: (address) => address === "10.0.0.1" });
    const headers = { traceparent: incoming, Tracestate: "a=1", baggage: "user=root", accept: "*/*" };
    const from = (address: string): HttpRequest => ({ ...get(headers), peer: { address, port: 1 } });
    const seen: HttpRequest[] = [];
    for (const request of [from("192.0.2.1"), from("10.0.0.1"), get(headers)]) {
      const result = layered.call(request);
      const call = await mock.next();
      seen.push(call.request);
      call.answer(httpResponse(200));
      await result;
    }
    const [stranger, friend, own] = ended();
    expect(stranger?.parentSpanContext).toBeUndefined();
    expect(stranger?.links.map(({ context }) => context.traceId)).toEqual([traceId]);
    expect(seen[0]?.headers.raw).toEqual(["host", "shop.example", "accept", "*/*"]);
    for (const span of [friend, own])
      expect(span).toMatchObject({ parentSpanContext: { traceId }, links: [] });
    for (const request of seen.slice(1)) expect(request.headers.raw).toEqual(get(headers).headers.raw);
  });

  test("an abort before the headers is not a failure", async () => {
    const { mock, layered, ended } = bench();
    const controller = new AbortController();
    const result = layered.call(get(), controller.signal);
    await mock.next();
    controller.abort();
    await result;
    expect(ended().map(summary)).toMatchObject([
      { status: unset, attributes: { "error.type": "Aborted", "pagoda.fault.origin": "local" } },
    ]);
  });

  test.each([
    [499, unset, undefined],
    [500, failed, "500"],
    [503, failed, "503"],
  ])("a response of %d", async (status, expected, type) => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    (await mock.next()).answer(httpResponse(status));
    await result;
    expect(ended()[0]?.status).toEqual(expected);
    expect(ended()[0]?.attributes["error.type"]).toBe(type);
  });

  test("an error response is recorded with its error", async () => {
    const { mock, layered, ended } = bench();
    const cause = new Error("connect ECONNREFUSED");
    const fault: Fault = {
      _tag: "ConnectFailed",
      origin: "upstream",
      retryable: true,
      retryAfterMs: 5,
      upstream: "http://10.0.0.7:81",
      cause,
    };
    const result = layered.call(get());
    (await mock.next()).answer({ ...httpResponse(502), fault });
    await result;
    const [span] = ended();
    expect(span?.status).toEqual(failed);
    expect(span?.attributes).toMatchObject({
      "error.type": "ConnectFailed",
      "pagoda.fault.origin": "upstream",
      "pagoda.upstream": "http://10.0.0.7:81",
    });
    expect(span?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: "pagoda.fault",
        attributes: {
          "pagoda.fault.tag": "ConnectFailed",
          "pagoda.fault.origin": "upstream",
          "pagoda.fault.retryable": true,
          "pagoda.fault.retry_after_ms": 5,
          "pagoda.fault.cause": "connect ECONNREFUSED",
        },
      },
    ]);
  });

  test("an error fails the span", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    (await mock.next()).fail(refused);
    await result;
    expect(ended().map(summary)).toMatchObject([
      { status: { ...failed, message: "Refused" }, attributes: { "error.type": "Refused" } },
    ]);
  });

  test("a defect is recorded and passed on", async () => {
    const { mock, layered, ended } = bench();
    const result = layered.call(get());
    const defect = new TypeError("a defect");
    (await mock.next()).reject(defect);
    await expect(result).rejects.toBe(defect);
    expect(ended().map(summary)).toMatchObject([
      {
        status: { ...failed, message: "TypeError: a defect" },
        attributes: { "error.type": "TypeError" },
        events: ["exception"],
      },
    ]);
  });

  test("describes its side", () => {
    expect(bench().layered.describe()).toMatchObject({ name: "tracing", options: { kind: "server" } });
  });
});
