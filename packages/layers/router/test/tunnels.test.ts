import type { HttpRequest } from "@pagoda/http";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { type Route, routeTable } from "@pagoda/router";
import { base, bench } from "./bench.ts";

const connect: Partial<HttpRequest> = {
  method: "CONNECT",
  path: "",
  query: "",
  authority: "db.example:5432",
};

describe("CONNECT", () => {
  const cluster = "c";
  const withPaths: Route[] = [
    { name: "root", match: { path: { prefix: "/" } }, cluster },
    { name: "empty", match: { path: { regex: ".*" }, methods: ["CONNECT"] }, cluster },
  ];

  test.each<[string, Route["match"]]>([
    ["nothing", {}],
    ["the method", { methods: ["CONNECT"] }],
    ["the host", { hosts: ["db.example"] }],
  ])("matches a route with a condition on %s", async (_, match) => {
    const { sent } = bench([...withPaths, { name: "it", ...(match && { match }), cluster }]);
    expect(await sent(connect)).toMatchObject({ ...connect, route: { name: "it" } });
  });

  test("does not match routes with a path, or another method or host", async () => {
    const { call } = bench([
      ...withPaths,
      { name: "get", match: { methods: ["GET"] }, cluster },
      { name: "other", match: { hosts: ["shop.example"] }, cluster },
    ]);
    expect(await call(connect)).toMatchObject({ left: { _tag: "NoRoute", path: "", allow: ["GET"] } });
  });

  test("ignores rewrites", async () => {
    const regex = { pattern: ".*", substitution: "/x" };
    for (const rewrite of [{ path: "/x", host: "elsewhere.example" }, { regex }]) {
      const { sent } = bench([{ name: "it", rewrite, cluster }]);
      expect(await sent(connect)).toMatchObject({ path: "", query: "", authority: "db.example:5432" });
    }
  });

  test("ignores redirects and 2xx responses", async () => {
    const { sent, call } = bench([
      { name: "moved", redirect: { scheme: "https" } },
      { name: "fine", respond: { status: 200 } },
      { name: "it", match: { hosts: ["db.example"] }, cluster },
    ]);
    expect(await sent(connect)).toMatchObject({ route: { name: "it" } });
    expect(await call({ ...connect, authority: "a.example:1" })).toMatchObject({ left: { _tag: "NoRoute" } });
  });

  test("can be refused by a response route", async () => {
    const { call } = bench([{ name: "no", match: { methods: ["CONNECT"] }, respond: { status: 403 } }]);
    expect(await call(connect)).toMatchObject(right({ status: 403 }));
  });

  test("with a path is routed like any request, and other methods require a path", async () => {
    const { sent, call } = bench([...withPaths, { name: "any", cluster }]);
    expect(await sent({ ...connect, path: "/a/../b" })).toMatchObject({ path: "/b" });
    expect(await call({ method: "GET", path: "" })).toMatchObject({
      left: { _tag: "PathRefused", reason: "relative" },
    });
  });

  test("find and explain agree with routing", () => {
    const table = routeTable<string>([
      ...withPaths,
      { name: "moved", redirect: { scheme: "https" } },
      { name: "it", cluster },
    ]);
    const request = { ...base, ...connect };
    expect(table.find(request)?.route.name).toBe("it");
    const { path, route, matches } = table.explain(request);
    expect({ path, route }).toEqual({ path: "", route: "it" });
    expect(matches.map(({ route: name, matched, mismatch }) => [name, matched, mismatch?.what])).toEqual([
      ["empty", false, "path"],
      ["root", false, "path"],
      ["moved", false, "method"],
      ["it", true, undefined],
    ]);
  });
});

describe("an upgrade", () => {
  test("is routed like any request", async () => {
    const { sent } = bench([
      { name: "chat", match: { path: { prefix: "/chat" } }, rewrite: { prefix: "/rooms" }, cluster: "c" },
    ]);
    expect(await sent({ upgrade: "websocket", path: "/x/../chat/1" })).toMatchObject({
      upgrade: "websocket",
      path: "/rooms/1",
    });
  });
});
