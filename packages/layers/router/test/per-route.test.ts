import { type Fault, layer, left, right, service, type Service, WaitList, whenReady } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { perRoute, type Route, type Routed, router, routeTable } from "@pagoda/router";
import { base } from "./bench.ts";

interface Full extends Fault<"Full"> {}
const full: Full = { _tag: "Full", origin: "local", retryable: true };

/** At most one concurrent call. */
const one = () =>
  layer<unknown, unknown, Full>("one", (inner) => {
    let busy = false;
    const waiting = new WaitList(() => !busy);
    return {
      ready: () => waiting.ready() ?? inner.ready(),
      call(request, signal) {
        if (busy) return Promise.resolve(left(full));
        busy = true;
        return inner.call(request, signal).finally(() => {
          busy = false;
          waiting.wake();
        });
      },
    };
  });

const table = routeTable([
  { name: "a", match: { path: { prefix: "/a" } }, cluster: "x" },
  {
    name: "b",
    match: { path: { prefix: "/b" } },
    clusters: [
      { cluster: "x", weight: 1 },
      { cluster: "y", weight: 1 },
    ],
  },
  { name: "moved", match: { path: { prefix: "/old" } }, redirect: { path: "/a" } },
]);

function bench(make: (route: Route) => ReturnType<typeof one> | undefined = one) {
  const mock = mockService<HttpRequest & Routed<"x" | "y">, HttpResponse>();
  const chances = [0, 0.9];
  const layered = perRoute(table, make)(mock.service);
  const routed: Service<HttpRequest, HttpResponse, unknown> = router(table, {
    random: () => chances.shift() ?? 0,
  })(layered);
  return { mock, layered, routed, call: (path: string) => routed.call({ ...base, path }) };
}

describe("perRoute", () => {
  const [routed] = table.routes;
  const selected = routed && table.selectedOf(routed)[0];
  const request = () => ({ ...base, route: selected as NonNullable<typeof selected> });
  conformance(
    test,
    () => perRoute(table, () => layer("none", (inner) => ({ call: inner.call.bind(inner) }))),
    { request, response: () => httpResponse(200) },
  );

  test("limits are per route", async () => {
    const { call, mock } = bench();
    void call("/a");
    expect(await call("/a")).toEqual(left(full));
    void call("/b");
    expect(mock.calls.map(({ request }) => request.route.name)).toEqual(["a", "b"]);
  });

  test("a route has one layer for all of its clusters", async () => {
    const { call, mock } = bench();
    void call("/b");
    expect(mock.calls[0]?.request.route.cluster).toBe("x");
    expect(await call("/b")).toEqual(left(full));
  });

  test("creates one layer per forwarding route", () => {
    const made: string[] = [];
    const { layered } = bench((route) => {
      made.push(route.name);
      return undefined;
    });
    expect(made).toEqual(["a", "b"]);
    expect(layered.describe()).toMatchObject({
      name: "per-route",
      options: { routes: ["a", "b"] },
      inner: [{ name: "mock" }],
    });
  });

  test("describes the layer of each route with its clusters, and the inner service once", () => {
    const { layered } = bench();
    const to = (...clusters: readonly string[]) => ({ name: "clusters", options: { clusters } });
    expect(layered.describe().inner).toMatchObject([
      { name: "route", options: { key: "a" }, inner: [{ name: "one", inner: [to("x")] }] },
      { name: "route", options: { key: "b" }, inner: [{ name: "one", inner: [to("x", "y")] }] },
      { name: "mock" },
    ]);
    const some = bench(({ name }) => (name === "a" ? one() : undefined)).layered;
    expect(some.describe().inner?.map(({ name }) => name)).toEqual(["route", "mock"]);
  });

  test("is ready if any route is", async () => {
    const { call, layered, mock } = bench();
    void call("/a");
    expect(layered.ready()).toBeUndefined();
    void call("/b");
    let went = false;
    void whenReady(layered, () => (went = true));
    await settled();
    expect(went).toBe(false);
    mock.calls[1]?.answer(httpResponse(200));
    await settled();
    expect(went).toBe(true);
  });

  test("a route of another table is a defect", async () => {
    const { layered } = bench();
    const route = { name: "a", cluster: "x", policy: undefined } as const;
    await expect(layered.call({ ...base, route })).rejects.toThrow(
      'route of the request must be one of the layer\'s own table (got "a")',
    );
  });

  test("with a table that forwards nothing it passes on inner's readiness", () => {
    const none = routeTable([{ name: "no", respond: { status: 404 } }]);
    const inner = service("inner", async (_request: Routed<never>) => right(1));
    expect(perRoute(none, one)(inner).ready()).toBeUndefined();
  });
});
