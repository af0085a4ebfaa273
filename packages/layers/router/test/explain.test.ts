import { HttpHeaders, httpRequest } from "@pagoda/core/http";
import { describe, expect, test } from "vitest";
import { routeTable } from "@pagoda/router";

const table = routeTable([
  {
    name: "canary",
    match: { headers: [{ name: "x-tier", exact: "beta" }] },
    clusters: [
      { cluster: "new", weight: 1 },
      { cluster: "old", weight: 3 },
    ],
  },
  { name: "host", match: { hosts: ["*.example"], path: { prefix: "/shop" } }, cluster: "old" },
  { name: "ids", match: { path: { regex: "/users/\\d+" } }, cluster: "old" },
  { name: "post", match: { path: { exact: "/health" }, methods: ["POST", "PUT"] }, cluster: "old" },
  { name: "query", match: { query: [{ name: "debug", absent: true }] }, respond: { status: 404 } },
  { name: "rest", cluster: "old" },
]);

describe("explain", () => {
  test("says of each match, in the order of precedence, what came of it", () => {
    const request = httpRequest("http://Shop.example:80/./health?debug", { headers: { "X-Tier": "gold" } });
    const old = [{ cluster: "old", share: 1 }];
    const path = { what: "path", found: "/health" };
    const wanted = {
      host: "shop.example",
      path: "/health",
      route: "rest",
      matches: [
        {
          route: "host",
          host: "*.example",
          matched: false,
          mismatch: { ...path, wanted: "prefix /shop" },
          clusters: old,
        },
        {
          route: "post",
          matched: false,
          mismatch: { what: "method", wanted: "POST, PUT", found: "GET" },
          clusters: old,
        },
        { route: "ids", matched: false, mismatch: { ...path, wanted: "regex /users/\\d+" }, clusters: old },
        {
          route: "canary",
          matched: false,
          mismatch: { what: "header", name: "x-tier", wanted: "exact beta", found: "gold" },
          clusters: [
            { cluster: "new", share: 0.25 },
            { cluster: "old", share: 0.75 },
          ],
        },
        {
          route: "query",
          matched: false,
          mismatch: { what: "query", name: "debug", wanted: "absent", found: "" },
        },
        { route: "rest", matched: true, clusters: old },
      ],
    };
    const explanation = table.explain(request);
    expect(explanation).toEqual(wanted);
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  test("names the host that was wanted, and no value where there is none", () => {
    const request = { ...httpRequest("http://other.test/shop"), headers: HttpHeaders.empty };
    const [host, , , canary] = table.explain(request).matches;
    expect(host?.mismatch).toEqual({ what: "host", wanted: "*.example", found: "other.test" });
    expect(canary?.mismatch).toEqual({ what: "header", name: "x-tier", wanted: "exact beta" });
  });

  test("says why a path is refused", () => {
    const request = { ...httpRequest("http://shop.example/"), path: "/%" };
    expect(table.explain(request)).toEqual({
      host: "shop.example",
      refused: "malformed-percent",
      matches: [],
    });
  });
});
