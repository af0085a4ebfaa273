import { right, service } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { clusters, type Routed, router, routeTable } from "@pagoda/router";
import { base } from "./bench.ts";

const to = (cluster: string) => ({ ...base, route: { name: "r", cluster, policy: undefined } });

function bench() {
  const [shop, cart] = [mockService<Routed, HttpResponse>("shop"), mockService<Routed, HttpResponse>("cart")];
  return {
    shop,
    cart,
    leaf: clusters<Routed, HttpResponse, unknown>({ shop: shop.service, cart: cart.service }, routeTable([])),
  };
}

describe("clusters", () => {
  test("calls the service of the route's cluster with the signal", async () => {
    const { leaf, shop, cart } = bench();
    const { signal } = new AbortController();
    const result = leaf.call(to("cart"), signal);
    const call = await cart.next();
    expect(call.signal).toBe(signal);
    const response = httpResponse(200);
    call.answer(response);
    expect(await result).toEqual(right(response));
    expect(shop.calls).toHaveLength(0);
  });

  test("is ready if any service is", () => {
    const { leaf, shop, cart } = bench();
    shop.admit(0);
    expect(leaf.ready()).toBeUndefined();
    cart.admit(0);
    expect(leaf.ready()).toBeInstanceOf(Promise);
  });

  test.each(["none", "constructor", "__proto__"])(
    "a cluster %s without a service is a defect",
    async (cluster) => {
      await expect(bench().leaf.call(to(cluster))).rejects.toThrow(
        `cluster of route r must be "shop" or "cart" (got "${cluster}")`,
      );
    },
  );

  test("reports each cluster of a table without a service", () => {
    const table = routeTable<string>([
      { name: "a", match: { path: { exact: "/a" } }, cluster: "shop" },
      {
        name: "b",
        clusters: [
          { cluster: "shop", weight: 1 },
          { cluster: "new", weight: 1 },
        ],
      },
      { name: "c", match: { path: { exact: "/c" } }, cluster: "old" },
    ]);
    const served = { shop: service("shop", async () => right(httpResponse(200))) };
    expect(() => clusters(served, table)).toThrow(RangeError);
    expect(() => clusters(served, table)).toThrow(
      'clusters: cluster of route b must be "shop" (got "new")\nclusters: cluster of route c must be "shop" (got "old")',
    );
    expect(() => clusters({})).toThrow(
      "clusters: services must be an object with at least one service (got {})",
    );
  });

  test("describes each cluster", async () => {
    const { leaf } = bench();
    expect(leaf.describe()).toMatchObject({
      name: "clusters",
      options: { clusters: ["shop", "cart"] },
      inner: [
        { name: "cluster", options: { key: "shop" }, inner: [{ name: "shop" }] },
        { name: "cluster", options: { key: "cart" }, inner: [{ name: "cart" }] },
      ],
    });
    const shop = service<HttpRequest, HttpResponse>("s", async () => right(httpResponse(204)));
    const stack = router([{ name: "all", cluster: "shop" }])(clusters({ shop }));
    expect(await stack.call(base)).toMatchObject({ right: { status: 204 } });
  });
});
