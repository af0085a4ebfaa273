import {
  type ErrorOf,
  type Fault,
  layer,
  type Layer,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { describe, expectTypeOf, test } from "vitest";
import {
  clusters,
  type FromPath,
  type NoRoute,
  type PathParams,
  type PathRefused,
  perRoute,
  type Route,
  type Routed,
  router,
  type RouteTable,
  routeTable,
  type SelectedRoute,
} from "@pagoda/router";

interface Slow extends Fault<"Slow"> {}
interface ShopDown extends Fault<"ShopDown"> {}
interface CartDown extends Fault<"CartDown"> {}

const http = new ServiceBuilder<HttpRequest>();
const table = routeTable([
  { name: "cart", match: { path: { prefix: "/cart" } }, cluster: "cart", policy: { timeoutMs: 500 } },
  { name: "shop", clusters: [{ cluster: "shop", weight: 1 }] },
  { name: "old", match: { path: { exact: "/old" } }, redirect: { path: "/" } },
]);
type Policy = { timeoutMs: number };
const shop = service<HttpRequest, HttpResponse, ShopDown>("shop", async () => right(httpResponse(200)));
const cart = service<HttpRequest, HttpResponse, CartDown>("cart", async () => right(httpResponse(200)));
const limit = (_ms: number) =>
  layer<unknown, unknown, Slow>("limit", (inner) => ({ call: inner.call.bind(inner) }));

describe("types", () => {
  test("a table has its clusters and policies in its type, and a router adds the route", () => {
    expectTypeOf(table.selectedOf).returns.items.toExtend<SelectedRoute<"cart" | "shop", Policy>>();
    expectTypeOf<RouteTable<"cart", Policy>>().toExtend<RouteTable<"cart" | "shop", Policy>>();
    expectTypeOf(router(table)).toExtend<
      Layer<
        HttpRequest,
        Routed<"cart" | "shop", Policy>,
        NoRoute | PathRefused,
        never,
        HttpResponse,
        HttpResponse
      >
    >();
    expectTypeOf(router([{ name: "all", cluster: "c" }])).toEqualTypeOf<
      Layer<HttpRequest, Routed<"c", unknown>, NoRoute | PathRefused, never, HttpResponse, HttpResponse>
    >();
  });

  test("a stack has the errors of router, layers and clusters", () => {
    const stack = http
      .layer(router(table))
      .layer(perRoute(table, ({ policy }) => limit(policy?.timeoutMs ?? 1_000)))
      .service(clusters({ shop, cart }));
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<NoRoute | PathRefused | Slow | ShopDown | CartDown>();
    expectTypeOf(stack).toExtend<Service<HttpRequest, HttpResponse, Fault>>();
    const some = http
      .layer(router(table))
      .layer(perRoute(table, ({ policy }) => policy && limit(policy.timeoutMs)))
      .service(clusters({ shop, cart }));
    expectTypeOf<ErrorOf<typeof some>>().toEqualTypeOf<NoRoute | PathRefused | Slow | ShopDown | CartDown>();
  });

  test("a layer that requires a route does not compile outside the router", () => {
    const each = perRoute(table, () => limit(1));
    // @ts-expect-error: Property 'route' is missing in type 'HttpRequest' but required in type 'Routed'.
    http.layer(each);
    http.layer(router(table)).layer(each);
    // @ts-expect-error: same error for the leaf.
    http.service(clusters({ shop, cart }));
  });

  test("a cluster without a service does not compile", () => {
    const routed = http.layer(router(table));
    // @ts-expect-error: Type '"cart"' is not assignable to type '"shop"'.
    routed.service(clusters({ shop }));
    routed.service(clusters({ shop, cart, more: shop }));
  });

  test("clusters unknown to the compiler require the table", () => {
    const read: RouteTable = routeTable<string>([{ name: "all", cluster: "shop" }]);
    // @ts-expect-error: Type 'string' is not assignable to type '"shop"'.
    http.layer(router(read)).service(clusters({ shop }));
    const stack = http.layer(router(read)).service(clusters({ shop }, read));
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<NoRoute | PathRefused | ShopDown>();
  });

  test("a per-route layer may add to the request only if every route has one", () => {
    const tagged = () =>
      layer<HttpRequest, { readonly tag: string }>("tag", (inner) => ({
        call: (request, signal) => inner.call({ ...request, tag: "t" }, signal),
      }));
    const leaf = service<HttpRequest & { readonly tag: string }, HttpResponse>("leaf", async () =>
      right(httpResponse(200)),
    );
    http.layer(router(table)).layer(perRoute(table, tagged)).service(leaf);
    const some = perRoute(table, ({ policy }) => (policy ? tagged() : undefined));
    // @ts-expect-error: Property 'tag' is missing.
    http.layer(router(table)).layer(some).service(leaf);
  });

  test("the parameters of a path pattern are in the type of the requests to its cluster", () => {
    const routes = routeTable([
      { name: "user", match: { path: { pattern: "/users/:id" } }, cluster: "users" },
      {
        name: "order",
        match: [
          { path: { pattern: "/users/:id/orders/:order" } },
          { path: { pattern: "/orders/:order" }, methods: ["GET"] },
        ],
        clusters: [{ cluster: "orders", weight: 1 }],
        policy: { timeoutMs: 500 },
      },
      { name: "old", match: { path: { prefix: "/old" } }, redirect: { path: "/" } },
      { name: "rest", cluster: "shop" },
    ]);
    const params = layer<FromPath<"/:id">>("params", (inner) => ({ call: inner.call.bind(inner) }));
    const users = service("users", async ({ params: { id } }: HttpRequest & FromPath<"/users/:id">) =>
      right(httpResponse(200, id)),
    );
    const orders = service("orders", async (request: HttpRequest & FromPath<"/:order">) =>
      right(httpResponse(200, request.params.order)),
    );
    const both = service("both", async (request: HttpRequest & FromPath<"/:id/:order">) =>
      right(httpResponse(200, request.params.id)),
    );
    http.layer(router(routes)).service(clusters({ users, orders, shop }));
    http.layer(router(routes)).service(clusters({ users, orders: shop, shop }));
    http
      .layer(router(routes))
      .layer(perRoute(routes, ({ policy }) => limit(policy?.timeoutMs ?? 1_000)))
      .service(clusters({ users, orders, shop }));
    // @ts-expect-error: one pattern that leads to orders has no id.
    http.layer(router(routes)).service(clusters({ users, orders: both, shop }));
    // @ts-expect-error: requests to shop have no parameters.
    http.layer(router(routes)).service(clusters({ users, orders, shop: users }));
    // @ts-expect-error: not all requests have an id.
    http.layer(router(routes)).layer(params);
    // @ts-expect-error: no route leads to orders with parameters.
    http.layer(router(table)).service(clusters({ users, orders, shop, cart }));
    // @ts-expect-error: an unknown property.
    routeTable([{ name: "user", match: { path: { pattern: "/users/:id" } }, cluster: "users", polcy: 1 }]);
    expectTypeOf<PathParams<"/users/:id/orders/:order">>().toEqualTypeOf<{
      readonly id: string;
      readonly order: string;
    }>();
    expectTypeOf<PathParams<"/a:b/c">>().toEqualTypeOf<{}>();
    expectTypeOf(
      router([{ name: "user", match: { path: { pattern: "/:id" } }, cluster: "c" }]),
    ).toEqualTypeOf<
      Layer<
        HttpRequest,
        Routed<"c", unknown> & FromPath<"/:id">,
        NoRoute | PathRefused,
        never,
        HttpResponse,
        HttpResponse
      >
    >();
  });

  test("path patterns from a file have no parameters in the types", () => {
    const read = routeTable<string>([{ name: "all", match: { path: { pattern: "/:id" } }, cluster: "shop" }]);
    expectTypeOf(read).toEqualTypeOf<RouteTable<string, unknown>>();
  });

  test("a route has exactly one action", () => {
    // @ts-expect-error: no action.
    const none: Route = { name: "none" };
    // @ts-expect-error: two actions.
    const two: Route = { name: "two", cluster: "c", respond: { status: 200 } };
    // @ts-expect-error: both cluster and clusters.
    const both: Route = { name: "both", cluster: "c", clusters: [] };
    // @ts-expect-error: a response cannot be combined with a rewrite.
    const rewritten: Route = { name: "r", respond: { status: 200 }, rewrite: { path: "/" } };
    // @ts-expect-error: unknown cluster.
    const other: Route<"a"> = { name: "other", cluster: "b" };
    expectTypeOf([none, two, both, rewritten, other]).toBeArray();
  });
});
