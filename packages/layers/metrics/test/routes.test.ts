import { type Fault, left, right, service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { callNotes, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { metrics, type MetricsOptions } from "@pagoda/metrics";
import { exposed } from "./exposition.ts";

const get = httpRequest("http://shop.example/");
const timedOut: Fault = { _tag: "TimedOut", origin: "local", retryable: true };

function bench(options: Partial<MetricsOptions> = {}) {
  const registry = new Registry();
  const mock = mockService<HttpRequest, HttpResponse, Fault>();
  const layered = metrics({ registry, routes: true, ...options })(mock.service);
  /** Labels and values of `http_requests_total`. */
  const totals = async () =>
    (await exposed(registry))
      .filter(({ name }) => name === "http_requests_total")
      .map(({ labels, value }) => ({ labels, value }));
  return { registry, mock, layered, totals };
}

/** A service that writes route and upstream into the request's notes and answers. */
function routed(route: string | undefined, upstream?: string) {
  return service("routed", async ({ notes }: HttpRequest) => {
    notes.route = route;
    notes.upstream = upstream;
    return right(httpResponse(200));
  });
}

describe("routes", () => {
  conformance(test, ({ clock }) => metrics({ registry: new Registry(), clock, routes: true }), {
    request: () => get,
    response: () => httpResponse(200),
  });

  test("route and cluster in the request's notes are labels", async () => {
    const { registry, mock, layered } = bench({ buckets: [1] });
    const notes = callNotes();
    const result = layered.call({ ...get, notes });
    const { request, answer } = await mock.next();
    expect(request.notes).toBe(notes);
    // Written after the layer passed the request on.
    notes.route = "cart";
    notes.cluster = "carts";
    answer(httpResponse(200));
    await result;
    const labels = { method: "GET", route: "cart", cluster: "carts", status: "200", upstream: "none" };
    expect((await exposed(registry)).map(({ name, labels, value }) => [name, labels, value])).toEqual([
      ["http_requests_total", labels, 1],
      ["http_request_duration_seconds_bucket", { ...labels, le: "1" }, 1],
      ["http_request_duration_seconds_bucket", { ...labels, le: "+Inf" }, 1],
      ["http_request_duration_seconds_sum", labels, expect.any(Number)],
      ["http_request_duration_seconds_count", labels, 1],
      ["http_requests_in_flight", {}, 0],
    ]);
  });

  test("the request is passed on as it is, notes included", async () => {
    const registry = new Registry();
    const request = httpRequest("http://shop.example/");
    const inner = routed("cart");
    const passedOn: HttpRequest[] = [];
    const noting = service("noting", (asked: HttpRequest) => {
      passedOn.push(asked);
      return inner.call(asked);
    });
    await metrics({ registry, routes: true })(noting).call(request);
    expect(passedOn[0]).toBe(request);
    const [total] = await exposed(registry);
    expect(total?.labels["route"]).toBe("cart");
  });

  test("route and cluster are `none` if none matched", async () => {
    const registry = new Registry();
    await metrics({ registry, routes: true })(routed(undefined)).call(get);
    expect((await exposed(registry))[0]?.labels).toMatchObject({ route: "none", cluster: "none" });
  });

  test("without routes there is no label", async () => {
    const { mock, layered, totals } = bench({ routes: false });
    const asked = { ...get, notes: callNotes() };
    const result = layered.call(asked);
    const { request, answer } = await mock.next();
    expect(request).toBe(asked);
    answer(httpResponse(200));
    await result;
    expect(await totals()).toEqual([
      { labels: { method: "GET", status: "200", upstream: "none" }, value: 1 },
    ]);
  });

  test("errors and defects count for their route and the last origin called", async () => {
    const { mock, layered, totals } = bench();
    const notes = { ...callNotes(), route: "cart", upstream: "http://a:1" };
    const first = layered.call({ ...get, notes });
    (await mock.next()).fail(timedOut);
    expect(await first).toEqual(left(timedOut));
    const second = layered.call({ ...get, notes });
    (await mock.next()).reject(new Error("a defect"));
    await expect(second).rejects.toThrow("a defect");
    const labels = {
      method: "GET",
      route: "cart",
      cluster: "none",
      status: "error",
      upstream: "http://a:1",
    };
    expect(await totals()).toEqual([{ labels, value: 2 }]);
  });

  test("the upstream of an error takes precedence over the notes", async () => {
    const { mock, layered, totals } = bench();
    const notes = { ...callNotes(), upstream: "http://late:1" };
    const first = layered.call({ ...get, notes });
    const { answer } = await mock.next();
    notes.upstream = "http://a:1";
    answer(httpResponse(200));
    await first;
    const second = layered.call({ ...get, notes });
    (await mock.next()).fail({ ...timedOut, upstream: "http://b:1" });
    await second;
    expect((await totals()).map(({ labels }) => labels["upstream"])).toEqual(["http://a:1", "http://b:1"]);
  });

  test("calls beyond maxSeries count as `other`", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, routes: true, maxSeries: 2 });
    for (const route of ["a", "b", "c", "d", "a"])
      await layer(routed(route, "http://u:1")).call({ ...get, notes: callNotes() });
    const totals = (await exposed(registry)).filter(({ name }) => name === "http_requests_total");
    expect(totals.map(({ labels, value }) => [labels["route"], labels["upstream"], value])).toEqual([
      ["a", "http://u:1", 2],
      ["b", "http://u:1", 1],
      ["other", "other", 2],
    ]);
  });

  test("clusters of one route have series of their own, and count as `other` beyond maxSeries", async () => {
    const { mock, layered, totals } = bench({ maxSeries: 2 });
    for (const cluster of ["stable", "canary", "third", "stable"]) {
      const result = layered.call({ ...get, notes: { ...callNotes(), route: "cart", cluster } });
      (await mock.next()).answer(httpResponse(200));
      await result;
    }
    expect((await totals()).map(({ labels, value }) => [labels["route"], labels["cluster"], value])).toEqual([
      ["cart", "stable", 2],
      ["cart", "canary", 1],
      ["other", "other", 1],
    ]);
  });

  test("labelled layers count in the same metrics, in a series for each of their labels", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, routes: true });
    const failing = service("failing", async () => left(timedOut));
    for (const listener of ["edge", "admin", "edge"]) {
      await layer.labelled({ listener })(routed("cart", "http://u:1")).call(get);
      await layer
        .labelled({ listener })(failing)
        .call({ ...get, notes: callNotes() });
    }
    const lines = await exposed(registry);
    const counts = (family: string) =>
      lines
        .filter(({ name, labels }) => name === family && labels["upstream"] !== "none")
        .map(({ labels, value }) => [labels["listener"], value]);
    const expected = [
      ["edge", 2],
      ["admin", 1],
    ];
    expect(counts("http_requests_total")).toEqual(expected);
    expect(counts("http_request_duration_seconds_count")).toEqual(expected);
    expect(counts("http_local_responses_total")).toEqual(expected);
    expect(lines.filter(({ name }) => name === "http_requests_in_flight")).toMatchObject([{ labels: {} }]);
  });

  test("series of a removed upstream go under every label", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, routes: true });
    const untrack = layer.track("http://u:1");
    for (const listener of ["edge", "admin"])
      await layer.labelled({ listener })(routed("cart", "http://u:1")).call(get);
    untrack();
    await exposed(registry);
    expect((await exposed(registry)).filter(({ name }) => name === "http_requests_total")).toEqual([]);
    layer.track("http://u:1");
    await layer.labelled({ listener: "edge" })(routed("cart", "http://u:1")).call(get);
    expect((await exposed(registry)).find(({ name }) => name === "http_requests_total")?.value).toBe(1);
  });

  test.each(["route", "reason", "le", "1st", "a-b", ""])("refuses the label %j", (label) => {
    expect(() => metrics({ registry: new Registry() }).labelled({ [label]: "x" })).toThrow(
      /^metrics: each of labels must be letters, digits and _, other than method, .* and le \(got "/,
    );
  });

  test("an upstream named `other` does not evade the limit", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, routes: true, maxSeries: 1 });
    for (const route of ["a", "b", "c"]) await layer(routed(route, "other")).call(get);
    const totals = (await exposed(registry)).filter(({ name }) => name === "http_requests_total");
    expect(totals.map(({ labels, value }) => [labels["route"], value])).toEqual([
      ["a", 1],
      ["other", 2],
    ]);
  });

  test("property: series are bounded and no call is lost", async () => {
    const names = fc.oneof(fc.string(), fc.constantFrom("a", "b", "other", "none", undefined));
    const calls = fc.array(fc.tuple(names, names, fc.string()), {
      maxLength: 100,
    });
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        async (all, maxSeries, routes) => {
          const registry = new Registry();
          const layer = metrics({ registry, maxSeries, routes, buckets: [1] });
          for (const [route, upstream, method] of all) {
            await layer(routed(route, upstream)).call({ ...get, method, notes: callNotes() });
          }
          const totals = (await exposed(registry)).filter(({ name }) => name === "http_requests_total");
          // Beyond the limit: one series of `other` per method, with one status here.
          expect(totals.length).toBeLessThanOrEqual(maxSeries + 10);
          expect(totals.reduce((sum, { value }) => sum + value, 0)).toBe(all.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("error tags are bounded, too", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, maxSeries: 2 });
    for (const _tag of ["A", "B", "C", "D", "A"]) {
      await layer(service("failing", async (_request: HttpRequest) => left({ ...timedOut, _tag }))).call(get);
    }
    const reasons = (await exposed(registry)).filter(({ name }) => name === "http_local_responses_total");
    expect(reasons.map(({ labels, value }) => [labels["reason"], value])).toEqual([
      ["A", 2],
      ["B", 1],
      ["other", 2],
    ]);
  });

  test.each([0, -1, 1.5, NaN, Infinity])("refuses %d as maxSeries", (maxSeries) => {
    expect(() => metrics({ registry: new Registry(), maxSeries })).toThrow(RangeError);
    expect(() => metrics({ registry: new Registry(), maxSeries })).toThrow(
      `metrics: maxSeries must be an integer of at least 1 (got ${maxSeries})`,
    );
  });

  test("labels with quotes, backslashes, line feeds and commas are distinct", async () => {
    const registry = new Registry();
    const layer = metrics({ registry, routes: true });
    const hostile = ['a"b', "a\\b", "a\nb", 'a",upstream="x', "a\\", "a,b", ""];
    for (const route of hostile) await layer(routed(route, route)).call(get);
    const totals = (await exposed(registry)).filter(({ name }) => name === "http_requests_total");
    expect(totals.map(({ labels }) => labels["route"])).toEqual(hostile);
    expect(totals.map(({ labels }) => labels["upstream"])).toEqual(hostile);
  });
});
