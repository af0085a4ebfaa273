import { mockService, virtualClock } from "@pagoda/core/testing";
import { emptyBody, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { type Fault, formatValue, type Layer, right, type Service } from "@pagoda/core";
import { Counter, Registry } from "prom-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { metrics, type MetricsOptions } from "@pagoda/metrics";
import { between, nowhere, samples, TestBody, type Upstreamed } from "./bench.ts";

interface Refused extends Fault<"Refused"> {
  readonly upstream?: string;
}

const refused: Refused = { _tag: "Refused", origin: "upstream", retryable: true, upstream: "http://a:1" };
const get = httpRequest("http://shop.example/");
const labels = 'method="GET",status="200",upstream="http://a:1"';

function bench(options: Partial<MetricsOptions> = {}) {
  const clock = virtualClock();
  const registry = new Registry();
  const mock = mockService<HttpRequest, Upstreamed, Refused>();
  const layered = between(metrics({ registry, clock, ...options }), mock.service);
  const sample = async (name: string): Promise<number | undefined> => (await samples(registry)).get(name);
  return { clock, registry, mock, layered, sample };
}

function response(change: Partial<Upstreamed> = {}): Upstreamed {
  return { ...httpResponse(200), upstream: "http://a:1", ...change };
}

describe("metrics", () => {
  conformance(test, ({ clock }) => metrics({ registry: new Registry(), clock }), {
    request: () => get,
    response: () => httpResponse(200),
  });

  test("exposes Prometheus's text format", async () => {
    const { registry, mock, layered } = bench({ buckets: [0.5, 1] });
    const result = layered.call(get);
    (await mock.next()).answer(response());
    await result;
    expect(await registry.metrics()).toBe(
      [
        "# HELP http_requests_total HTTP requests, by method, status and upstream",
        "# TYPE http_requests_total counter",
        `http_requests_total{${labels}} 1`,
        "",
        "# HELP http_request_duration_seconds Seconds from an HTTP request to the end of its response",
        "# TYPE http_request_duration_seconds histogram",
        `http_request_duration_seconds_bucket{${labels},le="0.5"} 1`,
        `http_request_duration_seconds_bucket{${labels},le="1"} 1`,
        `http_request_duration_seconds_bucket{${labels},le="+Inf"} 1`,
        `http_request_duration_seconds_sum{${labels}} 0`,
        `http_request_duration_seconds_count{${labels}} 1`,
        "",
        "# HELP http_local_responses_total HTTP requests that ended with a local error, by its tag",
        "# TYPE http_local_responses_total counter",
        "",
        "# HELP http_requests_in_flight HTTP requests in flight",
        "# TYPE http_requests_in_flight gauge",
        "http_requests_in_flight 0",
        "",
      ].join("\n"),
    );
  });

  test("passes the response unchanged", async () => {
    const { mock, layered } = bench();
    const answer = response();
    const result = layered.call(get);
    (await mock.next()).answer(answer);
    const settled = await result;
    expect(settled).toEqual(right(answer));
  });

  test("measures to the end of the body", async () => {
    const { clock, mock, layered, sample } = bench();
    const body = new TestBody();
    const result = layered.call(get);
    await clock.advance(250);
    (await mock.next()).answer(response({ body }));
    await result;
    body.pipe(nowhere);
    await clock.advance(750);
    expect(await sample("http_requests_in_flight")).toBe(1);
    expect(await sample(`http_requests_total{${labels}}`)).toBe(0);
    body.end();
    expect(await sample("http_requests_in_flight")).toBe(0);
    expect(await sample(`http_requests_total{${labels}}`)).toBe(1);
    expect(await sample(`http_request_duration_seconds_sum{${labels}}`)).toBe(1);
    expect(await sample(`http_request_duration_seconds_bucket{${labels},le="0.512"}`)).toBe(0);
    expect(await sample(`http_request_duration_seconds_bucket{${labels},le="1.024"}`)).toBe(1);
  });

  test.each([
    ["breaks", (body: TestBody) => body.break()],
    ["is cancelled", (body: TestBody) => body.cancel()],
  ])("a response whose body %s counts as ended", async (_how, end) => {
    const { clock, mock, layered, sample } = bench();
    const body = new TestBody();
    const result = layered.call(get);
    (await mock.next()).answer(response({ body }));
    await result;
    body.pipe(nowhere);
    await clock.advance(100);
    end(body);
    await clock.advance(100);
    expect(await sample("http_requests_in_flight")).toBe(0);
    expect(await sample(`http_request_duration_seconds_sum{${labels}}`)).toBe(0.1);
  });

  test("counts an error by its tag and upstream", async () => {
    const { mock, layered, sample } = bench();
    const result = layered.call(get);
    (await mock.next()).fail(refused);
    await result;
    expect(await sample('http_requests_total{method="GET",status="error",upstream="http://a:1"}')).toBe(1);
    expect(await sample('http_local_responses_total{reason="Refused"}')).toBe(1);
    expect(await sample("http_requests_in_flight")).toBe(0);
  });

  test("counts an error response by the error's tag", async () => {
    const { mock, layered, sample } = bench();
    const fault: Fault = { _tag: "NoEndpointReady", origin: "local", retryable: true };
    for (let n = 0; n < 2; n++) {
      const result = layered.call(get);
      (await mock.next()).answer(httpResponseWith(fault));
      await result;
    }
    expect(await sample('http_requests_total{method="GET",status="503",upstream="none"}')).toBe(2);
    expect(await sample('http_local_responses_total{reason="NoEndpointReady"}')).toBe(2);
  });

  test("falls back to the upstream of the response's fault", async () => {
    const { mock, layered, sample } = bench();
    const result = layered.call(get);
    (await mock.next()).answer(httpResponseWith(refused));
    await result;
    expect(await sample('http_requests_total{method="GET",status="503",upstream="http://a:1"}')).toBe(1);
  });

  test("counts a defect and passes it on", async () => {
    const { mock, layered, sample } = bench();
    const result = layered.call(get);
    const defect = new Error("a defect");
    (await mock.next()).reject(defect);
    await expect(result).rejects.toBe(defect);
    expect(await sample('http_requests_total{method="GET",status="error",upstream="none"}')).toBe(1);
    expect(await sample("http_requests_in_flight")).toBe(0);
  });

  test("counts unknown methods as OTHER", async () => {
    const { registry, mock, layered, sample } = bench();
    for (const method of ["BREW", "get", "__proto__", "PROPFIND", "PATCH"]) {
      const result = layered.call({ ...get, method });
      (await mock.next()).answer(response());
      await result;
    }
    expect(await sample('http_requests_total{method="OTHER",status="200",upstream="http://a:1"}')).toBe(4);
    expect(await sample('http_requests_total{method="PATCH",status="200",upstream="http://a:1"}')).toBe(1);
    expect(
      [...(await samples(registry)).keys()].filter((name) => name.startsWith("http_requests_total")),
    ).toHaveLength(2);
  });

  test("a bucket includes its bound", async () => {
    const { clock, mock, layered, sample } = bench({ buckets: [0.1, 0.2] });
    for (const ms of [100, 101, 200, 201]) {
      const result = layered.call(get);
      const call = await mock.next();
      await clock.advance(ms);
      call.answer(response());
      await result;
    }
    const bucket = (le: string) => sample(`http_request_duration_seconds_bucket{${labels},le="${le}"}`);
    expect([await bucket("0.1"), await bucket("0.2"), await bucket("+Inf")]).toEqual([1, 3, 4]);
  });

  test("default buckets double from 1 ms to 4.096 s", async () => {
    const { registry, mock, layered } = bench();
    const result = layered.call(get);
    (await mock.next()).answer(response({ body: emptyBody }));
    await result;
    const bounds = [...(await samples(registry)).keys()].flatMap(
      (name) => /le="([^"]*)"/.exec(name)?.[1] ?? [],
    );
    expect(bounds).toEqual(
      "0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 +Inf".split(" "),
    );
  });

  test.each([[[0]], [[-1, 1]], [[1, 1]], [[2, 1]], [[NaN]]])("refuses the buckets %j", (buckets) => {
    expect(() => metrics({ registry: new Registry(), buckets })).toThrow(RangeError);
    expect(() => metrics({ registry: new Registry(), buckets })).toThrow(
      `buckets must be rising numbers of seconds above 0 (got ${formatValue(buckets)})`,
    );
  });

  test("defect: an infinite bound was accepted and duplicated +Inf", () => {
    expect(() => metrics({ registry: new Registry(), buckets: [1, Infinity] })).toThrow(
      "metrics: buckets must be rising numbers of seconds above 0 (got [1,Infinity])",
    );
  });

  test("defect: a name conflict left half of the metrics registered", () => {
    const registry = new Registry();
    new Counter({ name: "http_requests_in_flight", help: "another metric", registers: [registry] });
    const refusal =
      "metrics: registry must be one without the metric http_requests_in_flight (value not shown)";
    expect(() => metrics({ registry })).toThrow(refusal);
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  test("one layer per registry, several services per layer", async () => {
    const { registry, mock, layered, sample } = bench();
    expect(() => metrics({ registry })).toThrow(RangeError);
    const [one, two] = [new Registry(), mockService<HttpRequest, HttpResponse>()];
    const layer = metrics({ registry: one });
    const results = [between(layer, mock.service), between(layer, two.service)].map((service) =>
      service.call(get),
    );
    for (const each of [mock, two]) (await each.next()).answer(response());
    await Promise.all(results);
    expect((await samples(one)).get(`http_requests_total{${labels}}`)).toBe(2);
    expect(await sample(`http_requests_total{${labels}}`)).toBeUndefined();
    expect(layered.describe().state).toEqual({ inFlight: 0, series: 0 });
  });

  test("describes buckets and calls in flight", async () => {
    const { mock, layered } = bench({ buckets: [1, 2] });
    const result = layered.call(get);
    expect(layered.describe()).toMatchObject({
      name: "metrics",
      options: { buckets: [1, 2] },
      state: { inFlight: 1 },
    });
    (await mock.next()).answer(response());
    await result;
    expect(layered.describe().state).toEqual({ inFlight: 0, series: 1 });
  });
});

describe("types", () => {
  test("leaves the service's types unchanged", () => {
    const layer = metrics({ registry: new Registry() });
    expectTypeOf(layer).toExtend<Layer<HttpRequest, unknown, never, never, never, HttpResponse>>();
    const { service } = mockService<HttpRequest, Upstreamed, Refused>();
    expectTypeOf(layer(service)).toEqualTypeOf<typeof service>();
  });

  test("requires HTTP requests", () => {
    const { service } = mockService<string, HttpResponse>();
    // @ts-expect-error: a string is not an HttpRequest.
    const layered: Service<string, HttpResponse, unknown> = metrics({ registry: new Registry() })(service);
    expect(layered.describe().name).toBe("metrics");
  });
});

function httpResponseWith(fault: Fault): HttpResponse {
  return { ...httpResponse(503), fault };
}

describe("series of removed upstreams", () => {
  async function call({ mock, layered }: ReturnType<typeof bench>, upstream: string): Promise<void> {
    const result = layered.call(get);
    (await mock.next()).answer(response({ upstream }));
    await result;
  }

  function tracked() {
    const registry = new Registry();
    const mock = mockService<HttpRequest, Upstreamed, Refused>();
    const counting = metrics({ registry });
    const layered = between(counting, mock.service);
    const upstreams = async (): Promise<readonly string[]> => {
      const text = await registry.metrics();
      return [...text.matchAll(/^http_requests_total\{.*upstream="(.*)"\} /gm)].map(
        ([, name]) => name as string,
      );
    };
    return { ...bench(), registry, mock, layered, counting, upstreams };
  }

  test("defect: series of 3,000 removed upstreams stayed forever", async () => {
    const bed = tracked();
    const here = bed.counting.track("http://here:1");
    await call(bed, "http://here:1");
    for (let at = 0; at < 3_000; at++) {
      const gone = bed.counting.track(`http://gone:${at}`);
      await call(bed, `http://gone:${at}`);
      gone();
      if (at % 100 === 0) await bed.registry.metrics();
    }
    expect((await bed.upstreams()).length).toBe(100);
    expect(await bed.upstreams()).toEqual(["http://here:1"]);
    expect(await bed.registry.metrics()).not.toContain("gone");
    here();
  });

  test("appear in one more scrape, in all metrics", async () => {
    const bed = tracked();
    const gone = bed.counting.track("http://a:1");
    await call(bed, "http://a:1");
    gone();
    const last = await bed.registry.metrics();
    expect(last).toContain(`http_requests_total{${labels}} 1`);
    expect(last).toContain(`http_request_duration_seconds_count{${labels}} 1`);
    expect(await bed.registry.metrics()).not.toContain("a:1");
  });

  test("stay while the upstream is tracked elsewhere or again before the scrape", async () => {
    const bed = tracked();
    const [one, two] = [bed.counting.track("http://a:1"), bed.counting.track("http://a:1")];
    await call(bed, "http://a:1");
    one();
    await bed.registry.metrics();
    expect(await bed.upstreams()).toEqual(["http://a:1"]);
    two();
    const again = bed.counting.track("http://a:1");
    await bed.registry.metrics();
    expect(await bed.upstreams()).toEqual(["http://a:1"]);
    again();
  });

  test("do not return permanently with a late call", async () => {
    const bed = tracked();
    bed.counting.track("http://a:1")();
    await bed.registry.metrics();
    await call(bed, "http://a:1");
    expect(await bed.upstreams()).toEqual(["http://a:1"]);
    expect(await bed.upstreams()).toEqual([]);
  });

  test("stay without tracking", async () => {
    const bed = tracked();
    await call(bed, "http://a:1");
    await bed.registry.metrics();
    expect(await bed.upstreams()).toEqual(["http://a:1"]);
  });
});
