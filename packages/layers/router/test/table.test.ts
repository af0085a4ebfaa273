import { HttpHeaders, type HttpRequest, httpRequest } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type FieldMatch,
  type PathMatch,
  type Route,
  type RouteMatch,
  routeTable,
  type RouteTableOptions,
} from "@pagoda/router";
import { findNaively } from "./reference.ts";

const base = httpRequest("http://shop.example/");

function found(
  matches: Readonly<Record<string, Route["match"]>>,
  request: Partial<HttpRequest>,
): string | undefined {
  const routes: Route[] = Object.entries(matches).map(([name, match]) => ({
    name,
    match: match ?? {},
    cluster: "c",
  }));
  return routeTable<string>(routes).find({ ...base, ...request })?.route.name;
}

describe("path matching", () => {
  test.each([
    ["/api", true],
    ["/api/", true],
    ["/api/x/y", true],
    ["/apiary", false],
    ["/ap", false],
    ["/API", false],
    ["*", false],
  ])("%s matches the prefix /api: %s", (path, matched) => {
    expect(found({ api: { path: { prefix: "/api" } } }, { path })).toBe(matched ? "api" : undefined);
    expect(found({ api: { path: { prefix: "/api/" } } }, { path })).toBe(matched ? "api" : undefined);
  });

  test("exact before pattern before prefix, longer before shorter", () => {
    const routes = {
      root: { path: { prefix: "/" } },
      a: { path: { prefix: "/a" } },
      ab: { path: { prefix: "/a/b" } },
      any: { path: { regex: "/a/b/.*d" } },
      more: { path: { regex: "/a/b/c/.*d" } },
      exact: { path: { exact: "/a/b/c/d" } },
    };
    const paths = ["/a/b/c/d", "/a/b/c/xd", "/a/b/x/d", "/a/b/c", "/a/x", "/x"];
    expect(paths.map((path) => found(routes, { path }))).toEqual(["exact", "more", "any", "ab", "a", "root"]);
  });

  test("finds a pattern far above the longest matching text", () => {
    const routes = {
      any: { path: { regex: ".*x" } },
      a: { path: { prefix: "/a" } },
      c: { path: { exact: "/a/b/c" } },
      d: { path: { exact: "/a/b/d" } },
    };
    expect(found(routes, { path: "/a/b/cx" })).toBe("any");
    expect(found(routes, { path: "/a/b/c/y" })).toBe("a");
  });

  test("OPTIONS * matches only routes without a path", () => {
    const routes = { root: { path: { prefix: "/" } }, all: { path: { regex: ".*" } }, none: {} };
    expect(found(routes, { path: "*", method: "OPTIONS" })).toBe("none");
    expect(found(routes, { path: "/x" })).toBe("all");
  });

  test("paths are matched in normal form", () => {
    const routes = { admin: { path: { prefix: "/admin" } }, open: {} };
    const paths = ["/x/../admin", "/%61dmin/x", "/./admin", "/admin%2fx", "/..", "/a\\..\\admin"];
    const names = ["admin", "admin", "admin", "open", undefined, undefined];
    expect(paths.map((path) => found(routes, { path }))).toEqual(names);
  });
});

describe("host matching", () => {
  const routes = {
    any: {},
    wide: { hosts: ["*.example"] },
    narrow: { hosts: ["*.Shop.example"] },
    exact: { hosts: ["shop.example", "[2001:db8::1]"] },
  };

  test.each([
    ["shop.example", "exact"],
    ["SHOP.example:8080", "exact"],
    ["shop.example.", "exact"],
    ["shop.example.:80", "exact"],
    ["[2001:DB8::1]:443", "exact"],
    ["[2001:db8:0:0:0:0:0:1]", "exact"],
    ["[2001:0db8::0001]:80", "exact"],
    ["eu.shop.example", "narrow"],
    ["a.b.shop.example", "narrow"],
    ["other.example", "wide"],
    ["example", "any"],
    [".example", "any"],
    ["xshop.example", "wide"],
    ["", "any"],
    [`${"a.".repeat(200)}example`, "wide"],
  ])("%s selects %s", (authority, name) => {
    expect(found(routes, { authority })).toBe(name);
  });

  test("takes precedence over the path, with a fallback to less specific hosts", () => {
    const mixed = {
      any: { path: { exact: "/x" } },
      host: { hosts: ["shop.example"], path: { prefix: "/" } },
    };
    expect(found(mixed, { path: "/x" })).toBe("host");
    const other = {
      any: { path: { exact: "/x" } },
      host: { hosts: ["shop.example"], path: { exact: "/y" } },
    };
    expect(found(other, { path: "/x" })).toBe("any");
  });
});

describe("methods and fields", () => {
  const headers = HttpHeaders.of([
    ["X-Tier", "gold"],
    ["x-tier", "beta"],
    ["Accept", "text/html"],
  ]);
  const query = "?q=a%20b+c&q=second&empty&=x&enc%6fded=1&bad=%zz";

  test("ranks method, number of fields, number of parameters, order", () => {
    const accept: FieldMatch = { name: "accept", present: true };
    const q: FieldMatch = { name: "q", present: true };
    const routes = {
      second: { query: [q] },
      first: { query: [q], headers: [accept] },
      both: { headers: [accept, { name: "x-tier", present: true }] },
      method: { methods: ["POST"] },
      again: { query: [q] },
    } as const;
    expect(found(routes, { method: "POST", headers, query })).toBe("method");
    expect(found(routes, { headers, query })).toBe("both");
    expect(found(routes, { headers: headers.delete("x-tier"), query })).toBe("first");
    expect(found(routes, { query })).toBe("second");
  });

  test.each<[FieldMatch, boolean]>([
    [{ name: "x-TIER", exact: "gold, beta" }, true],
    [{ name: "x-tier", exact: "gold" }, false],
    [{ name: "x-tier", contains: "d, b" }, true],
    [{ name: "x-tier", contains: "silver" }, false],
    [{ name: "accept", regex: "text/.*" }, true],
    [{ name: "accept", regex: "text" }, false],
    [{ name: "missing", regex: ".*" }, false],
    [{ name: "missing", contains: "" }, false],
    [{ name: "missing", absent: true }, true],
    [{ name: "accept", absent: true }, false],
    [{ name: "missing", present: true }, false],
  ])("a header %j: %s", (match, matched) => {
    expect(found({ it: { headers: [match] } }, { headers })).toBe(matched ? "it" : undefined);
  });

  test.each<[FieldMatch, boolean]>([
    [{ name: "q", exact: "a b c" }, true],
    [{ name: "q", exact: "second" }, false],
    [{ name: "Q", present: true }, false],
    [{ name: "empty", exact: "" }, true],
    [{ name: "encoded", exact: "1" }, true],
    [{ name: "bad", exact: "%zz" }, true],
    [{ name: "missing", absent: true }, true],
    [{ name: "missing", present: true }, false],
    [{ name: "q", regex: "a.*" }, true],
  ])("a query parameter %j: %s", (match, matched) => {
    expect(found({ it: { query: [match] } }, { query })).toBe(matched ? "it" : undefined);
  });

  test("any of several matches applies, each with its own precedence", () => {
    const routes: Record<string, RouteMatch[]> = {
      two: [{ path: { exact: "/x" } }, { methods: ["PUT"] }],
      prefix: [{ path: { prefix: "/x" } }],
    };
    expect(found(routes, { path: "/x" })).toBe("two");
    expect(found(routes, { path: "/x/y", method: "PUT" })).toBe("prefix");
    expect(found(routes, { path: "/z", method: "PUT" })).toBe("two");
    expect(found(routes, { path: "/z" })).toBeUndefined();
  });
});

const segment = fc.constantFrom("a", "b", "ab", "abc", "a0");
const path = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
const field: fc.Arbitrary<FieldMatch> = fc
  .tuple(
    fc.constantFrom("x", "y"),
    fc.constantFrom(
      { exact: "1" },
      { contains: "1" },
      { regex: "\\d+" },
      { present: true },
      { absent: true },
    ),
  )
  .map(([name, what]) => Object.assign({ name }, what) as FieldMatch);
const optionalFields = fc.array(field, { maxLength: 2 });
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  path.map((exact) => ({ exact })),
  path.map((prefix) => ({ prefix })),
  path.map((startsWith) => ({ startsWith })),
  fc
    .tuple(path, fc.array(fc.constantFrom("/:a", "/:b", "/a", "/ab", "/"), { minLength: 1, maxLength: 3 }))
    .filter(([, ends]) => ends.some((end) => end.includes(":")) && new Set(ends).size === ends.length)
    .map(([begin, ends]) => ({ pattern: `${begin === "/" ? "" : begin}${ends.join("")}` })),
  fc
    .tuple(path, fc.constantFrom("", ".*", "[ab]+", "/?", "0?"))
    .map(([begin, end]) => ({ regex: begin + end })),
);
const match: fc.Arbitrary<RouteMatch> = fc.record(
  {
    hosts: fc.array(fc.constantFrom("a.b.c", "*.c", "*.B.c", "x.c", "a.*", "A.b.*"), {
      minLength: 1,
      maxLength: 2,
    }),
    path: pathMatch,
    methods: fc.constantFrom(["GET"], ["POST", "PUT"]),
    headers: optionalFields,
    query: optionalFields,
  },
  { requiredKeys: [] },
);
const requests: fc.Arbitrary<HttpRequest> = fc
  .record({
    authority: fc.constantFrom("a.b.c", "q.b.c:80", "X.C", "c", "other", "a.b", "A.b:80", "a.b.d"),
    path: fc.oneof(
      path,
      path.map((begin) => `${begin}/`.replaceAll("//", "/")),
    ),
    method: fc.constantFrom("GET", "POST"),
    query: fc.constantFrom("", "?x=1", "?x=12&y=a"),
    headers: fc.constantFrom(
      HttpHeaders.empty,
      HttpHeaders.of({ x: "1" }),
      HttpHeaders.of({ X: ["2", "1"], y: "z" }),
    ),
  })
  .map((parts) => Object.assign({}, base, parts));

test.each([
  ["/api", true],
  ["/apiary", true],
  ["/api/x", true],
  ["/ap", false],
  ["*", false],
])("%s begins with /api: %s", (path, matched) => {
  expect(found({ api: { path: { startsWith: "/api" } } }, { path })).toBe(matched ? "api" : undefined);
});

describe("hosts with an open end, and with ports", () => {
  const hosts = (names: readonly string[], options?: RouteTableOptions) => (authority: string) =>
    routeTable<string>(
      names.map((host) => ({ name: host, match: { hosts: [host] }, cluster: "c" })),
      options,
    ).find({ ...base, authority })?.route.name;

  test("wildcards match hosts of any length (defect: those over 253 characters matched none)", () => {
    const long = "x".repeat(300);
    const find = hosts(["*.test", "shop.*"]);
    expect([find(`${long}.test`), find(`shop.${long}`)]).toEqual(["*.test", "shop.*"]);
    const most = `${"x".repeat(248)}.test`;
    expect(hosts([`*.${most}:65535`], { hostPorts: "match" })(`${long}.${most}:65535`)).toBeDefined();
    expect(hosts([`${most}.*`])(`${most}.${long}`)).toBeDefined();
  });

  test.each([
    ["shop.example", "shop.*"],
    ["shop.example:80", "shop.*"],
    ["shop.eu.example", "shop.eu.*"],
    ["shop.test", "*.test"],
    ["shop", undefined],
    ["shop.", undefined],
    ["xshop.example", undefined],
  ])("%s selects %s", (authority, name) => {
    expect(hosts(["shop.*", "shop.eu.*", "*.test"])(authority)).toBe(name);
  });

  test.each([
    ["shop.example", "shop.example"],
    ["Shop.example:80", undefined],
    ["SHOP.example:8080", "shop.example:8080"],
    ["a.test:81", "*.test:81"],
    ["a.test", undefined],
    ["[::1]:80", "[::1]:80"],
  ])("with hostPorts: match, %s selects %s", (authority, name) => {
    const names = ["shop.example", "shop.example:8080", "*.test:81", "[::1]:80"];
    expect(hosts(names, { hostPorts: "match" })(authority)).toBe(name);
  });

  test("a host has a port only with hostPorts: match", () => {
    expect(() => hosts(["shop.example:80"])("shop.example")).toThrow(
      'hosts.0 must be a host without port, *.HOST or HOST.* (got "shop.example:80")',
    );
    expect(() => hosts(["*.shop.*"])("shop.example")).toThrow("hosts.0 must be");
  });
});

describe("order: first", () => {
  const table = (matches: Readonly<Record<string, Route["match"]>>) =>
    routeTable<string>(
      Object.entries(matches).map(([name, match = {}]) => ({ name, match, cluster: "c" })),
      { order: "first" },
    );

  test("the first route that matches wins, of whatever kind", () => {
    const routes = table({
      long: { path: { prefix: "/a/b" }, methods: ["POST"] },
      pattern: { path: { regex: "/a/.*" }, headers: [{ name: "x", present: true }] },
      short: { path: { prefix: "/a" } },
      exact: { path: { exact: "/a/b" } },
      any: {},
      last: { path: { prefix: "/z" } },
    });
    const find = (path: string, more: Partial<HttpRequest> = {}) =>
      routes.find({ ...base, path, ...more })?.route.name;
    expect(find("/a/b", { method: "POST" })).toBe("long");
    expect(find("/a/b", { headers: HttpHeaders.of({ x: "1" }) })).toBe("pattern");
    expect(find("/a/b")).toBe("short");
    expect(find("/z")).toBe("any");
    expect(find("*", { method: "OPTIONS" })).toBe("any");
  });

  test("more specific hosts come before others, as virtual hosts do in Envoy", () => {
    const routes = table({
      any: {},
      wide: { hosts: ["*.example"] },
      host: { hosts: ["shop.example"], path: { prefix: "/x" } },
    });
    expect(routes.find({ ...base, path: "/x" })?.route.name).toBe("host");
    expect(routes.find({ ...base, path: "/y" })?.route.name).toBe("wide");
    const { matches } = routes.explain({ ...base, path: "/x" });
    expect(matches.map(({ route, lostBy }) => [route, lostBy])).toEqual([
      ["host", undefined],
      ["wide", "host"],
      ["any", "host"],
    ]);
  });

  test("explain names the order as the reason", () => {
    const { matches } = table({ a: {}, b: { path: { exact: "/x" } } }).explain({ ...base, path: "/x" });
    expect(matches.map(({ route, lostBy }) => [route, lostBy])).toEqual([
      ["a", undefined],
      ["b", "order"],
    ]);
  });

  test("must be specific or first", () => {
    expect(() => routeTable([], { order: "last" as "first" })).toThrow(
      'router: order must be "specific" or "first" (got "last")',
    );
  });
});

test.each<RouteTableOptions>([
  { order: "specific", hostPorts: "ignore" },
  { order: "first", hostPorts: "match" },
])("property: a table agrees with a linear search, %j", (options) => {
  fc.assert(
    fc.property(
      fc.array(fc.array(match, { minLength: 1, maxLength: 2 }), { maxLength: 12 }),
      fc.array(requests, { minLength: 1, maxLength: 10 }),
      (matches, asked) => {
        const routes: Route[] = matches.map((each, n) => ({ name: `${n}`, match: each, cluster: "c" }));
        const table = routeTable<string>(routes, options);
        for (const request of asked) {
          const name = findNaively(routes, request, options);
          expect(table.find(request)?.route.name).toBe(name);
          expect(table.explain(request).route).toBe(name);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("property: a path and its normal form select the same route", () => {
  const parts = fc.constantFrom("/", "a", "b", ".", "..", "%61", "%2e", "%2f", "\\", "#");
  const odd = fc.array(parts, { maxLength: 10 }).map((all) => `/${all.join("")}`);
  const routes = [
    { exact: "/a" },
    { exact: "/a/b" },
    { prefix: "/a/" },
    { prefix: "/b" },
    { regex: "/b/.*" },
    { regex: "/a/\\.\\./b.*" },
    { regex: "/%61/.*" },
    { regex: "/a//b.*" },
    { pattern: "/a/:one/b" },
    { pattern: "/:one/:two" },
  ].map((way, n): Route => ({ name: `${n}`, match: { path: way as PathMatch }, cluster: "c" }));
  fc.assert(
    fc.property(odd, fc.boolean(), (path, mergeSlashes) => {
      const table = routeTable<string>(routes, { mergeSlashes });
      const normal = table.pathOf(path);
      const wanted = typeof normal === "string" ? table.explain({ ...base, path: normal }).route : undefined;
      expect(table.find({ ...base, path })?.route.name).toBe(wanted);
    }),
    { numRuns: 5_000 },
  );
});
