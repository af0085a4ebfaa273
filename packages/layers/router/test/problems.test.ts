import { describe, expect, test } from "vitest";
import { type Route, routeProblems, routeTable } from "@pagoda/router";

/** Accepts what the compiler rejects but a file may contain. */
function problems(...routes: readonly object[]) {
  return routeProblems(routes as readonly Route[]).map(
    ({ route, path, expected }) => `${route} ${path.join(".")}: must be ${expected}`,
  );
}

function ofMatch(match: object): readonly string[] {
  return problems({ name: "r", match, cluster: "c" });
}

function ofAction(action: object, match: object = { path: { prefix: "/a" } }): readonly string[] {
  return problems({ name: "r", match, ...action });
}

describe("routeProblems", () => {
  test("is empty for valid routes", () => {
    const sound: readonly Route[] = [
      {
        name: "a",
        match: {
          hosts: ["a.example", "*.example", "[::1]"],
          path: { regex: "/(a|b)*" },
          methods: ["M-SEARCH"],
        },
        cluster: "c",
      },
      { name: "b", match: [{ path: { prefix: "/" } }], redirect: { scheme: "https", prefix: "/x" } },
      {
        name: "c",
        rewrite: { host: "a.example", path: "/x" },
        requestHeaders: { set: { "x-a": "1" } },
        cluster: "c",
      },
      {
        name: "d",
        respond: { status: 599, headers: { "x-a": "é" } },
        responseHeaders: { remove: ["server"] },
      },
    ];
    expect(routeProblems(sound)).toEqual([]);
  });

  test("names", () => {
    expect(problems({ name: "a", cluster: "c" }, { name: "a", cluster: "c" })).toEqual([
      "a name: must be a name that no other route has",
    ]);
    expect(problems({ cluster: "c" })).toEqual(["routes[0] name: must be a name, for metrics and logs"]);
  });

  test.each([
    [{ hosts: [] }, "hosts"],
    [{ hosts: ["a.example:80"] }, "hosts.0"],
    [{ hosts: ["a.*.example"] }, "hosts.0"],
    [{ hosts: ["*"] }, "hosts.0"],
    [{ hosts: ["a.example", ""] }, "hosts.1"],
    [{ hosts: ["a..b"] }, "hosts.0"],
    [{ hosts: ["*.[::1]"] }, "hosts.0"],
    [{ path: {} }, "path"],
    [{ path: { exact: "health" } }, "path.exact"],
    [{ path: { prefix: "/a?b" } }, "path.prefix"],
    [{ path: { prefix: "/a b" } }, "path.prefix"],
    [{ path: { prefix: "/café" } }, "path.prefix"],
    [{ path: { exact: "/a/../b" } }, "path.exact"],
    [{ path: { exact: "/a%2fb" } }, "path.exact"],
    [{ path: { exact: "/.." } }, "path.exact"],
    [{ path: { regex: "(" } }, "path.regex"],
    [{ methods: [] }, "methods"],
    [{ methods: ["GET", "get"] }, "methods.1"],
    [{ methods: ["A B"] }, "methods.0"],
    [{ headers: [{ name: "a b", exact: "" }] }, "headers.0.name"],
    [{ headers: [{ name: "a" }] }, "headers.0"],
    [{ headers: [{ name: "a", exact: "x", contains: "y" }] }, "headers.0"],
    [{ headers: [{ name: "a", regex: "[" }] }, "headers.0.regex"],
    [{ query: [{ name: "", exact: "" }] }, "query.0.name"],
    [{ query: [{ name: "a", present: false }] }, "query.0.present"],
  ])("of the match %j: %s", (match, place) => {
    const found = ofMatch(match);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(`r match.${place}: must be `);
    expect(ofMatch([{}, match])[0]).toMatch(`r match.1.${place}: must be `);
  });

  test.each([
    [{}, ""],
    [{ cluster: "a", respond: { status: 200 } }, ""],
    [{ cluster: "" }, "cluster"],
    [{ clusters: [] }, "clusters"],
    [{ clusters: [{ cluster: "a", weight: 0 }] }, "clusters.0.weight"],
    [{ clusters: [{ cluster: "a", weight: Infinity }] }, "clusters.0.weight"],
    [{ clusters: [{ cluster: "a", weight: NaN }] }, "clusters.0.weight"],
    [
      {
        clusters: [
          { cluster: "a", weight: 1 },
          { cluster: "a", weight: 1 },
        ],
      },
      "clusters.1.cluster",
    ],
    [{ redirect: {} }, "redirect"],
    [{ redirect: { status: 304, path: "/" } }, "redirect.status"],
    [{ redirect: { scheme: "ftp" } }, "redirect.scheme"],
    [{ redirect: { port: 0 } }, "redirect.port"],
    [{ redirect: { host: "a:80" } }, "redirect.host"],
    [{ redirect: { path: "/x", prefix: "/y" } }, "redirect"],
    [{ redirect: { path: "x" } }, "redirect.path"],
    [{ respond: { status: 101 } }, "respond.status"],
    [{ respond: { status: 200, headers: { "a b": "" } } }, "respond.headers.a b"],
    [{ cluster: "a", rewrite: {} }, "rewrite"],
    [{ cluster: "a", rewrite: { host: "*.example" } }, "rewrite.host"],
    [{ cluster: "a", rewrite: { prefix: "/x/../y" } }, "rewrite.prefix"],
    [{ cluster: "a", rewrite: { regex: { pattern: "(", substitution: "/" } } }, "rewrite.regex"],
    [{ cluster: "a", rewrite: { regex: { pattern: "a", substitution: "/$1" } } }, "rewrite.regex"],
    [{ cluster: "a", rewrite: { regex: { pattern: "a", substitution: "x" } } }, "rewrite.regex.substitution"],
    [{ cluster: "a", rewrite: { path: "/", regex: { pattern: "a", substitution: "/" } } }, "rewrite"],
    [
      { cluster: "a", requestHeaders: { set: { "Content-Length": "0" } } },
      "requestHeaders.set.Content-Length",
    ],
    [{ cluster: "a", requestHeaders: { add: { a: "x\r\ny: z" } } }, "requestHeaders.add.a"],
    [{ cluster: "a", responseHeaders: { remove: ["a", ":b"] } }, "responseHeaders.remove.1"],
  ])("of the action %j: %s", (action, place) => {
    const found = ofAction(action);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(`r ${place}: must be `);
  });

  test.each([{ path: { exact: "/a" } }, {}, [{ path: { prefix: "/a" } }, { path: { regex: "/b" } }]])(
    "a prefix can be replaced only if one is matched, not with %j",
    (match) => {
      expect(ofAction({ cluster: "a", rewrite: { prefix: "/x" } }, match)[0]).toMatch(
        "r rewrite.prefix: must be left out",
      );
      expect(ofAction({ redirect: { prefix: "/x" } }, match)[0]).toMatch(
        "r redirect.prefix: must be left out",
      );
    },
  );

  test("an empty list of matches", () => {
    expect(ofMatch([])[0]).toMatch("r match: must be a list of at least one match");
  });

  test("a table throws all problems at once, with their values", () => {
    const routes: readonly Route[] = [
      { name: "a", match: { path: { exact: "health" } }, cluster: "c" },
      { name: "b", match: { path: { prefix: "/x//y" } }, clusters: [{ cluster: "c", weight: -1 }] },
    ];
    expect(() => routeTable<string>(routes)).toThrow(RangeError);
    expect(() => routeTable<string>(routes, { mergeSlashes: true })).toThrow(
      [
        'router: route a: match.path.exact must be a path that begins with / (got "health")',
        'router: route b: match.path.prefix must be in its normal form, /x/y (got "/x//y")',
        "router: route b: clusters.0.weight must be a number above 0 (got -1)",
      ].join("\n"),
    );
  });
});
