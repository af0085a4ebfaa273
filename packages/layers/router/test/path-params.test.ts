import { right, service } from "@pagoda/core";
import { type HttpRequest, httpRequest, httpResponse } from "@pagoda/http";
import { clusters, router, type Route, routeProblems, routeTable, unreachableRoutes } from "@pagoda/router";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const base = httpRequest("http://shop.example/");

function to(pattern: string, more: object = {}): Route {
  return { name: pattern, match: { path: { pattern } }, cluster: "all", ...more };
}

/** The parameters that a cluster gets for a path, or `undefined` if no route matches. */
async function params(patterns: readonly (string | Route)[], path: string, options = {}): Promise<unknown> {
  const seen: unknown[] = [];
  const all = service("all", async (request: HttpRequest) => {
    seen.push((request as { readonly params?: unknown }).params);
    return right(httpResponse(204));
  });
  const routes = patterns.map((each) => (typeof each === "string" ? to(each) : each));
  const table = routeTable<string>(routes, options);
  const request = { ...base, path };
  await router(table)(clusters({ all }, table)).call(request);
  const matched = table.explain(request).matches.some((match) => match.matched);
  expect(matched).toBe(seen.length === 1);
  return seen[0];
}

describe("parameters of a path", () => {
  test.each([
    ["/users/:id", "/users/7", { id: "7" }],
    ["/users/:id/orders/:order", "/users/7/orders/42", { id: "7", order: "42" }],
    ["/:a/:b", "/x/y", { a: "x", b: "y" }],
    ["/users/:id/", "/users/7/", { id: "7" }],
    ["/a:b/:c", "/a:b/:", { c: ":" }],
    [
      "/:__proto__/:constructor",
      "/x/y",
      Object.fromEntries([
        ["__proto__", "x"],
        ["constructor", "y"],
      ]),
    ],
  ])("%s gets from %s: %j", async (pattern, path, expected) => {
    const got = await params([pattern], path);
    expect(got).toEqual(expected);
    expect(Object.keys(got as object)).toEqual(Object.keys(expected));
  });

  test.each([
    ["/users/:id", "/users/"],
    ["/users/:id", "/users"],
    ["/users/:id", "/users/7/"],
    ["/users/:id", "/users/7/x"],
    ["/users/:id", "/Users/7"],
    ["/users/:id/orders", "/users/7/orderz"],
    ["/users/:id/orders", "/users//orders"],
    ["/:a/:b", "/x"],
  ])("%s does not match %s", async (pattern, path) => {
    expect(await params([pattern], path)).toBeUndefined();
  });

  test.each([
    ["/users/a%20b", "a b"],
    ["/users/%C3%A9", "é"],
    ["/users/%c3%a9", "é"],
    ["/users/%41nn", "Ann"],
    ["/users/a%2Fb", "a/b"],
    ["/users/100%25", "100%"],
    ["/users/%252e%252e", "%2e%2e"],
    ["/users/a+b", "a+b"],
    ["/users/..a", "..a"],
  ])("the value in %s is decoded once: %j", async (path, id) => {
    expect(await params(["/users/:id"], path)).toEqual({ id });
  });

  test.each(["/users/%ff", "/users/a%C3", "/users/%ED%A0%80"])(
    "%s, which is not UTF-8, does not match",
    async (path) => {
      expect(await params(["/users/:id"], path)).toBeUndefined();
      expect(await params(["/users/:id", { name: "rest", cluster: "all" }], path)).toBeUndefined();
      const table = routeTable<string>([to("/users/:id"), { name: "rest", cluster: "all" }]);
      expect(table.find({ ...base, path })?.route.name).toBe("rest");
    },
  );

  test.each(["/a/..", "/a/.", "/a/%2e%2E", "/a/%2e"])(
    "without normalization, %s does not match: a value is never a dot segment",
    async (path) => {
      expect(await params(["/a/:id"], path, { normalize: "off" })).toBeUndefined();
    },
  );

  test("come from the path as it was asked for, not as rewritten", async () => {
    const route = to("/users/:id", { rewrite: { path: "/other" } });
    expect(await params([route], "/x/../users/%7eann")).toEqual({ id: "~ann" });
  });

  test("routes without a pattern add none", async () => {
    const seen: object[] = [];
    const all = service("all", async (request: HttpRequest) => {
      seen.push(request);
      return right(httpResponse(204));
    });
    await router([to("/users/:id"), { name: "rest", cluster: "all" }])(clusters({ all }) as never).call(base);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toHaveProperty("params");
  });
});

describe("precedence of a path pattern", () => {
  test.each([
    ["before any prefix", ["/users/:id"], { prefix: "/users/7" }, "/users/7", "/users/:id"],
    ["after an exact path", ["/users/:id"], { exact: "/users/me" }, "/users/me", "other"],
    ["by the text before the first parameter", ["/:a/:b", "/users/:b"], {}, "/users/7", "/users/:b"],
    ["then by all other text", ["/:a/:b", "/:a/orders"], {}, "/7/orders", "/:a/orders"],
    ["after a longer literal text", ["/:a/b", "/a/:b"], { regex: "/a/b" }, "/a/b", "other"],
  ])("%s", (_rule, patterns, path, asked, expected) => {
    const match = Object.keys(path).length === 0 ? { path: { exact: "/none" } } : { path };
    const routes = [...patterns.map((each) => to(each)), { name: "other", match, cluster: "all" } as Route];
    for (const some of [routes, routes.toReversed()])
      expect(routeTable<string>(some).find({ ...base, path: asked })?.route.name).toBe(expected);
  });
});

test.each([
  ["/users", "/users", "a path with a parameter, such as /users/:id"],
  ["/a:b", "/a:b", "a path with a parameter, such as /users/:id"],
  ["users/:id", "users/:id", "a path that begins with /"],
  ["/users/:", ":", "a parameter named by letters, digits and _, such as :id"],
  ["/users/:id.json", ":id.json", "a parameter named by letters, digits and _, such as :id"],
  ["/:id/:id", ":id", "a parameter that occurs once"],
  ["/a/../:id", "/a/../:id", "in its normal form, /:id"],
  ["/:id?x", "/:id?x", "a path as on the wire, percent-encoded, without query"],
])("reports what is wrong with the pattern %s", (pattern, value, expected) => {
  expect(routeProblems([to(pattern)])).toContainEqual({
    route: pattern,
    path: ["match", "path", "pattern"],
    value,
    expected,
  });
});

test("a pattern that differs from another in names only is unreachable", () => {
  const routes = [to("/users/:id"), to("/users/:name"), to("/users/:id/orders")];
  expect(unreachableRoutes(routes)).toEqual([{ at: 1, route: "/users/:name", by: ["/users/:id"] }]);
});

test("property: parameters are what was encoded into the path", async () => {
  const value = fc
    .string({ unit: "binary", minLength: 1, maxLength: 8 })
    .filter((text) => text !== "." && text !== "..");
  await fc.assert(
    fc.asyncProperty(value, value, async (id, order) => {
      const path = `/users/${encodeURIComponent(id)}/orders/${encodeURIComponent(order)}`;
      expect(await params(["/users/:id/orders/:order"], path)).toEqual({ id, order });
    }),
  );
});
