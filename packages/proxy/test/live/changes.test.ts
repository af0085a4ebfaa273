import { expect, test } from "vitest";
import { changesBetween } from "../../src/live/changes.ts";

const config = {
  listeners: [
    { name: "web", address: "127.0.0.1:80", routes: [{ name: "api", cluster: "shop" }, { name: "rest" }] },
  ],
  clusters: { shop: { endpoints: ["http://a", "http://b", "http://b"] } },
};

function changes(edit: (copy: typeof config) => void) {
  const copy = structuredClone(config);
  edit(copy);
  return [...changesBetween(config, copy)];
}

test("equal configurations have no changes", () => {
  expect(changes(() => {})).toEqual([]);
});

test("a changed setting has its path, with members of lists by name", () => {
  expect(changes(({ listeners: [web] }) => void (web!.routes[0]!.cluster = "cart"))).toEqual([
    { path: "listeners[web].routes[api].cluster", before: '"shop"', after: '"cart"' },
  ]);
});

test("a new route is one change, although it shifts the others", () => {
  expect(changes(({ listeners: [web] }) => void web!.routes.unshift({ name: "new" }))).toEqual([
    { path: "listeners[web].routes[new]", before: null, after: '{"name":"new"}' },
  ]);
});

test("endpoints are added and removed one by one, equal ones too", () => {
  expect(
    changes(({ clusters: { shop } }) => void (shop.endpoints = ["http://c", "http://a", "http://b"])),
  ).toEqual([
    { path: "clusters.shop.endpoints[]", before: '"http://b"', after: null },
    { path: "clusters.shop.endpoints[]", before: null, after: '"http://c"' },
  ]);
});

test("another order is a change of the list", () => {
  expect(changes(({ listeners: [web] }) => void (web!.routes = web!.routes.toReversed()))).toMatchObject([
    { path: "listeners[web].routes" },
  ]);
});

test("long values are cut", () => {
  const [change] = [...changesBetween({ body: "" }, { body: "x".repeat(10_000) })];
  expect(change?.after).toHaveLength(201);
});
