import { isLeft } from "@pagoda/core";
import type { XdsListener, XdsRoute } from "@pagoda/xds";
import { describe, expect, test } from "vitest";
import {
  checkControlled,
  clashOf,
  clusterNames,
  listenerProblems,
  routesProblems,
} from "../../src/config/controlled.ts";
import { nameFor } from "../../src/config/controlled-listener.ts";
import { readConfig } from "../../src/config/read.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

function listener(domains: readonly string[], ...routes: readonly Partial<XdsRoute>[]): XdsListener {
  const virtualHost = {
    name: "all",
    domains,
    routes: routes.map((route) => Object.assign({ name: "", match: { path: { prefix: "/" } } }, route)),
  };
  return {
    name: "edge",
    address: "127.0.0.1",
    port: 8080,
    protocols: ["http1"],
    normalizesPaths: false,
    mergesSlashes: false,
    escapedSlashes: "keep",
    upgrades: [],
    ignored: [],
    hasOwnRoutes: false,
    routes: { name: "r", ignoresPort: false, ignored: [], virtualHosts: [virtualHost] },
  };
}

function config(file: object) {
  const read = readConfig(JSON.stringify(file));
  if (isLeft(read)) throw new Error(read.left.map(({ message }) => message).join());
  return read.right;
}

const respond = { status: 200 };
const own = config({
  listeners: [{ name: "edge", address: "127.0.0.1:80", routes: [{ name: "a", respond }] }],
  clusters: { shop: { xds: "outbound|80||shop" } },
  control: { xds: { server: "http://a:1", node: { id: "a" }, listeners: true } },
});

test("routes lead to the file's cluster with the same endpoints, otherwise to one of their own", () => {
  const listed = listener(["*"], { cluster: "outbound|80||shop" }, { cluster: "cart" });
  const checked = checkControlled(listed, clusterNames(own), builtInPolicies);
  if (isLeft(checked)) throw new Error(checked.left.join());
  const { listener: translated, clusters } = checked.right;
  expect(
    translated.routes.map(({ name, cluster, respond: says }) => [name, cluster ?? says?.status]),
  ).toEqual([
    ["all.0", "shop"],
    ["all.1", "cart"],
    ["all.none", 404],
  ]);
  expect(clusters["cart"]?.xds).toBe("cart");
});

test("a virtual host for some hosts and all others has a match for each", () => {
  const checked = checkControlled(listener(["a.test:80", "*"], { respond }), new Map(), builtInPolicies);
  expect(!isLeft(checked) && checked.right.listener.routes[0]?.match).toMatchObject([
    { hosts: ["a.test:80"] },
    { path: { prefix: "/" } },
  ]);
});

test("problems are those of pagoda check", () => {
  const wrong = listener(["a_b.test", "x y"], { match: { path: { regex: "(" } }, respond: { status: 100 } });
  const checked = checkControlled(wrong, new Map(), builtInPolicies);
  expect(isLeft(checked) && checked.left.join("\n")).toMatch(
    /routes\[0\]\.respond\.status: must be [\s\S]*routes\[0\]\.match\[0\]\.|hosts\[1\]: must be a host/,
  );
});

test("a problem of all routes together is not one of a file (defect: was)", () => {
  const body = "x".repeat(100_000);
  const large = listener(["*"], ...Array.from({ length: 84 }, () => ({ respond: { status: 200, body } })));
  expect(routesProblems(large.routes, builtInPolicies)).toEqual([
    expect.stringMatching(/^as part of a configuration, it must be at most 8388608 characters \(got \d+\)$/),
  ]);
});

describe("beside a file", () => {
  const elsewhere = { ...listener(["*"], { respond }), name: "other" };

  test.each<[string, Partial<XdsListener>]>([
    ['name must be one that no listener of the file has (got "edge")', { name: "edge" }],
    [
      'address must be one that neither a listener of the file nor the admin endpoint has (got "127.0.0.1:80")',
      { port: 80 },
    ],
    [
      'address must be one that neither a listener of the file nor the admin endpoint has (got "127.0.0.1:9090")',
      { port: 9_090 },
    ],
  ])("a listener is rejected: %s", (problem, change) => {
    expect(listenerProblems({ ...elsewhere, ...change }, own, builtInPolicies)).toEqual([problem]);
  });

  test("others are not", () => {
    expect(listenerProblems(elsewhere, own, builtInPolicies)).toEqual([]);
    const checked = checkControlled(elsewhere, new Map(), builtInPolicies);
    expect(!isLeft(checked) && clashOf(checked.right.listener, own)).toBeUndefined();
  });
});

test("names that a file could not have are changed, and stay different", () => {
  expect(nameFor("shop.default_svc-1")).toBe("shop.default_svc-1");
  const names = ["outbound|80||shop", "outbound|80|shop", "a".repeat(64), "a".repeat(65), "|", "-x"].map(
    nameFor,
  );
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^\w[\w.-]{0,62}$/);
});
