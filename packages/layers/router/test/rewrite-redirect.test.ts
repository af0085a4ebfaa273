import { HttpHeaders, type HttpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import type { Redirect, Rewrite } from "@pagoda/router";
import { bench } from "./bench.ts";

async function location(
  redirect: Redirect,
  request: Partial<HttpRequest>,
  prefix = "/",
): Promise<string | undefined> {
  const match = { path: { prefix } };
  const result = await bench([{ name: "moved", match, redirect }]).call(request);
  return result._tag === "Right"
    ? `${result.right.status} ${result.right.headers.get("location")}`
    : undefined;
}

async function rewritten(rewrite: Rewrite, path: string, prefix = "/"): Promise<string> {
  const { sent } = bench([{ name: "it", match: { path: { prefix } }, rewrite, cluster: "c" }]);
  return (await sent({ path })).path;
}

describe("a redirect", () => {
  test.each<[Redirect, Partial<HttpRequest>, string]>([
    [{ scheme: "https" }, { path: "/a", query: "?q=1" }, "302 https://shop.example/a?q=1"],
    [{ scheme: "https" }, { authority: "shop.example:8080" }, "302 https://shop.example/"],
    [{ scheme: "https", port: 443 }, {}, "302 https://shop.example/"],
    [{ scheme: "https", port: 8443 }, {}, "302 https://shop.example:8443/"],
    [{ port: 443 }, {}, "302 http://shop.example:443/"],
    [{ status: 308, host: "new.example" }, { authority: "shop.example:8080" }, "308 http://new.example/"],
    [{ path: "/b" }, { authority: "shop.example:8080", path: "/a" }, "302 http://shop.example:8080/b"],
    [{ path: "/b" }, { authority: "[::1]:8080", path: "/a" }, "302 http://[::1]:8080/b"],
    [{ stripQuery: true }, { path: "/a", query: "?q" }, "302 http://shop.example/a"],
    [{ host: "new.example" }, { path: "//evil.example/%2e%2e/x" }, "302 http://new.example//x"],
  ])("%j of %j leads to %s", async (redirect, request, wanted) => {
    expect(await location(redirect, request)).toBe(wanted);
  });

  test("can replace the matched prefix", async () => {
    expect(await location({ prefix: "/new" }, { path: "/old/x" }, "/old")).toBe(
      "302 http://shop.example/new/x",
    );
  });
});

describe("a rewrite", () => {
  test.each([
    ["/apiary/x", "/api", "/v2", "/v2ary/x"],
    ["/api/x", "/api/", "/", "/x"],
    ["/api//x", "/api/", "/", "//x"],
    ["/%61pi/x", "/api/", "/", "/x"],
  ])("of %s that begins with %s to %s is %s", async (path, startsWith, prefix, wanted) => {
    const match = { path: { startsWith } };
    const { sent } = bench([{ name: "it", match, rewrite: { prefix }, cluster: "c" }]);
    expect((await sent({ path })).path).toBe(wanted);
  });

  // The table of HTTPPathModifier in the Gateway API.
  test.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "/", "/bar"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
    ["/bar", "/", "/xyz", "/xyz/bar"],
    ["/foo//evil.example", "/foo", "/", "/evil.example"],
  ])("of %s with the prefix %s to %s is %s", async (path, matched, prefix, wanted) => {
    expect(await rewritten({ prefix }, path, matched)).toBe(wanted);
  });

  test("replaces the whole path, by pattern, or nothing", async () => {
    expect(await rewritten({ path: "/b" }, "/a")).toBe("/b");
    const regex = { pattern: "/v(\\d)/(?<rest>.*)", substitution: "/$<rest>/$1" };
    expect(await rewritten({ regex }, "/v1/cart")).toBe("/cart/1");
    expect(await rewritten({ regex }, "/other")).toBe("/other");
  });

  test("by pattern yields a normal form, or the path is refused", async () => {
    const regex = { pattern: "/(.*)-(.*)", substitution: "/$1$2" };
    expect(await rewritten({ regex }, "/.-/y")).toBe("/y");
    const { call, mock } = bench([{ name: "it", rewrite: { regex }, cluster: "c" }]);
    const refused = { _tag: "PathRefused", reason: "above-root" };
    expect(await call({ path: "/.-./y" })).toMatchObject({ _tag: "Left", left: refused });
    await mock.expectNoCall();
  });

  test("does not change `*` or the query", async () => {
    const { sent } = bench([{ name: "it", rewrite: { path: "/b" }, cluster: "c" }]);
    expect(await sent({ path: "*", query: "" })).toMatchObject({ path: "*" });
    expect(await sent({ path: "/a", query: "?q" })).toMatchObject({ path: "/b", query: "?q" });
  });

  test("of the host also changes an existing Host field", async () => {
    const { sent } = bench([{ name: "it", rewrite: { host: "in.example" }, cluster: "c" }]);
    const request = await sent({ headers: HttpHeaders.of({ Host: "shop.example" }) });
    expect([request.authority, request.headers.all("host")]).toEqual(["in.example", ["in.example"]]);
    expect((await sent({})).headers.size).toBe(0);
  });
});
