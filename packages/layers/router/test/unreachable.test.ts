import { HttpHeaders, httpRequest } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Route, type RouteMatch, type RouteOrder, routeTable, unreachableRoutes } from "@pagoda/router";

function route(name: string, match?: RouteMatch | readonly RouteMatch[]): Route {
  return { name, cluster: "c", ...(match && { match }) };
}

const lost = (...routes: readonly Route[]) =>
  unreachableRoutes(routes).map(({ route, by }) => [route].concat(by));

describe("unreachableRoutes", () => {
  test.each<[string, readonly Route[], readonly (readonly string[])[]]>([
    ["two catch-all routes", [route("a"), route("b")], [["b", "a"]]],
    ["a catch-all and a root prefix", [route("a"), route("b", { path: { prefix: "/" } })], [["b", "a"]]],
    ["a root prefix and a catch-all", [route("a", { path: { prefix: "/" } }), route("b")], []],
    ["a longer prefix", [route("a", { path: { prefix: "/" } }), route("b", { path: { prefix: "/b" } })], []],
    [
      "the same prefix",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { prefix: "/x/" } })],
      [["b", "a"]],
    ],
    [
      "the same path",
      [route("a", { path: { exact: "/x" } }), route("b", { path: { exact: "/x" } })],
      [["b", "a"]],
    ],
    [
      "a pattern for all paths",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { regex: "/.*" } })],
      [["a", "b"]],
    ],
    [
      "the same pattern",
      [route("a", { path: { regex: "/x+" } }), route("b", { path: { regex: "/x+" } })],
      [["b", "a"]],
    ],
    ["another host", [route("a", { hosts: ["a.example"] }), route("b", { hosts: ["b.example"] })], []],
    [
      "the same host in another case",
      [route("a", { hosts: ["a.example"] }), route("b", { hosts: ["A.example"] })],
      [["b", "a"]],
    ],
    [
      "a host within a wildcard",
      [route("a", { hosts: ["*.example"] }), route("b", { hosts: ["b.example"] })],
      [],
    ],
    [
      "fewer methods",
      [route("a", { methods: ["GET", "PUT"] }), route("b", { methods: ["GET"] })],
      [["b", "a"]],
    ],
    ["another method", [route("a", { methods: ["GET"] }), route("b", { methods: ["GET", "PUT"] })], []],
    ["a field less", [route("a", { headers: [{ name: "x", present: true }] }), route("b")], []],
    [
      "the same field",
      [
        route("a", { headers: [{ name: "X", exact: "1" }] }),
        route("b", { headers: [{ name: "x", exact: "1" }] }),
      ],
      [["b", "a"]],
    ],
    [
      "a present field and one with a value",
      [
        route("a", { headers: [{ name: "x", present: true }] }),
        route("b", { headers: [{ name: "x", exact: "1" }] }),
      ],
      [["b", "a"]],
    ],
    [
      "another parameter",
      [
        route("a", { query: [{ name: "x", exact: "1" }] }),
        route("b", { query: [{ name: "X", exact: "1" }] }),
      ],
      [],
    ],
    [
      "one of its matches remains",
      [
        route("a", { path: { prefix: "/x" } }),
        route("b", [{ path: { prefix: "/x" } }, { path: { prefix: "/y" } }]),
      ],
      [],
    ],
    [
      "each of its matches is hidden by another route",
      [
        route("a", { path: { prefix: "/x" } }),
        route("b", { path: { prefix: "/y" } }),
        route("c", [{ path: { prefix: "/x" } }, { path: { prefix: "/y" } }]),
      ],
      [["c", "a", "b"]],
    ],
    ["a match twice in one route", [route("a", [{}, {}])], []],
  ])("%s", (_, routes, expected) => {
    expect(lost(...routes)).toEqual(expected);
  });

  test.each<[string, readonly Route[], readonly (readonly string[])[]]>([
    [
      "a shorter prefix",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { prefix: "/x/y" } })],
      [["b", "a"]],
    ],
    [
      "a longer prefix",
      [route("a", { path: { prefix: "/x/y" } }), route("b", { path: { prefix: "/x" } })],
      [],
    ],
    [
      "a prefix that ends within the segment",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { prefix: "/xy" } })],
      [],
    ],
    [
      "a prefix and an exact path",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { exact: "/x" } })],
      [["b", "a"]],
    ],
    [
      "a prefix and a pattern below it",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { pattern: "/x/:id" } })],
      [["b", "a"]],
    ],
    [
      "a prefix and a pattern beside it",
      [route("a", { path: { prefix: "/x" } }), route("b", { path: { regex: "/x.*" } })],
      [],
    ],
    ["a catch-all", [route("a"), route("b", { path: { exact: "/x" } })], [["b", "a"]]],
    [
      "a pattern for all paths",
      [route("a", { path: { regex: "/.*" } }), route("b", { path: { exact: "/x" } })],
      [["b", "a"]],
    ],
    [
      "a catch-all for fewer methods",
      [route("a", { methods: ["GET"] }), route("b", { path: { exact: "/x" } })],
      [],
    ],
    ["a more specific host", [route("a"), route("b", { hosts: ["a.example"] })], []],
  ])("order first: %s", (_, routes, expected) => {
    expect(unreachableRoutes(routes, { order: "first" }).map(({ route, by }) => [route].concat(by))).toEqual(
      expected,
    );
  });

  test.each<RouteOrder>(["specific", "first"])(
    "property: unreachable routes get no request, order %s",
    (order) => {
      const match: fc.Arbitrary<RouteMatch> = fc.record(
        {
          hosts: fc.array(fc.constantFrom("a.example", "*.example", "A.example"), {
            minLength: 1,
            maxLength: 2,
          }),
          path: fc.constantFrom<NonNullable<RouteMatch["path"]>>(
            { prefix: "/" },
            { prefix: "/a" },
            { prefix: "/a/" },
            { exact: "/a" },
            { regex: "/.*" },
            { regex: "/a.*" },
            { regex: ".*" },
          ),
          methods: fc.subarray(["GET", "PUT"], { minLength: 1 }),
          headers: fc.array(
            fc.constantFrom<NonNullable<RouteMatch["headers"]>[number]>(
              { name: "x", present: true },
              { name: "X", exact: "1" },
              { name: "x", absent: true },
              { name: "x", contains: "1" },
            ),
            { maxLength: 2 },
          ),
        },
        { requiredKeys: [] },
      );
      const requests = ["a.example", "b.example", "c"].flatMap((host) =>
        ["/", "/a", "/a/b", "/ab"].flatMap((path) =>
          ["GET", "PUT", "POST"].flatMap((method) =>
            [undefined, "1", "21"].map((x) =>
              httpRequest(`http://${host}${path}`, {
                method,
                ...(x !== undefined && { headers: HttpHeaders.of({ x }) }),
              }),
            ),
          ),
        ),
      );
      fc.assert(
        fc.property(
          fc.array(fc.oneof(match, fc.array(match, { minLength: 1, maxLength: 2 })), { maxLength: 6 }),
          (matches) => {
            const routes = matches.map((each, n) => route(`r${n}`, each));
            const none = new Set(unreachableRoutes(routes, { order }).map((each) => each.route));
            const table = routeTable(routes, { order });
            for (const request of requests) expect(none).not.toContain(table.find(request)?.route.name);
          },
        ),
        { numRuns: 500 },
      );
    },
  );
});
