import { HttpHeaders, httpRequest } from "@pagoda/http";
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
  test("reports the result of each match in order of precedence", () => {
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

  test("reports the wanted host, and no value if there is none", () => {
    const request = { ...httpRequest("http://other.test/shop"), headers: HttpHeaders.empty };
    const [host, , , canary] = table.explain(request).matches;
    expect(host?.mismatch).toEqual({ what: "host", wanted: "*.example", found: "other.test" });
    expect(canary?.mismatch).toEqual({ what: "header", name: "x-tier", wanted: "exact beta" });
  });

  test("defect: did not report by which rule a match lost", () => {
    const cluster = "a";
    const rules = routeTable([
      {
        name: "late",
        match: { path: { prefix: "/a/b" }, methods: ["GET"], hosts: ["shop.example"] },
        cluster,
      },
      {
        name: "first",
        match: { path: { exact: "/a/b" }, methods: ["GET"], hosts: ["shop.example"] },
        cluster,
      },
      { name: "any-host", match: { path: { exact: "/a/b" } }, cluster },
      {
        name: "any-method",
        match: { path: { exact: "/a/b" }, hosts: ["shop.example"], query: [{ name: "c", absent: true }] },
        cluster,
      },
      { name: "other", match: { path: { exact: "/b" } }, cluster },
    ]);
    const lostIn = (table: typeof rules, url: string) =>
      table.explain(httpRequest(url)).matches.map(({ route, lostBy }) => `${route}: ${lostBy}`);
    expect(lostIn(rules, "http://shop.example/a/b")).toEqual([
      "first: undefined",
      "any-method: methods",
      "late: path",
      "any-host: host",
      "other: undefined",
    ]);
    const fields = { path: { prefix: "/" } };
    const query = [{ name: "c", absent: true }] as const;
    const equal = routeTable([
      { name: "first", match: { ...fields, headers: query }, cluster },
      { name: "second", match: { ...fields, headers: query }, cluster },
      { name: "query", match: { ...fields, query }, cluster },
      { name: "none", match: fields, cluster },
    ]);
    expect(lostIn(equal, "http://shop.example/")).toEqual([
      "first: undefined",
      "second: order",
      "query: headers",
      "none: headers",
    ]);
  });

  test("reports why a path is refused", () => {
    const request = { ...httpRequest("http://shop.example/"), path: "/%" };
    expect(table.explain(request)).toEqual({
      host: "shop.example",
      refused: "malformed-percent",
      matches: [],
    });
  });
});
