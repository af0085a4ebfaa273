import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { listener, routeTo } from "@pagoda/xds/testing";
import { FilterConfigSchema, RouteConfigurationSchema, RouteSchema } from "../src/generated/route_pb.ts";
import { listenerOf } from "../src/listener.ts";
import { routesOf, type XdsRoute } from "../src/route-configuration.ts";

type RouteInit = MessageInitShape<typeof RouteSchema>;
type Hosts = NonNullable<MessageInitShape<typeof RouteConfigurationSchema>["virtualHosts"]>;

const any = { typeUrl: "type.googleapis.com/x.Y", value: new Uint8Array() };

function read(virtualHosts: Hosts, more: object = {}) {
  return routesOf(create(RouteConfigurationSchema, { name: "r", virtualHosts, ...more } as never));
}

function readOne(route: RouteInit, host: object = {}, more: object = {}) {
  return read(
    [{ name: "all", domains: ["*"], routes: [{ ...routeTo("c"), ...route }], ...host } as never],
    more,
  );
}

function translated(route: RouteInit, host: object = {}, more: object = {}): XdsRoute | undefined {
  const routes = readOne(route, host, more);
  if (isLeft(routes)) throw new Error(routes.left.join("\n"));
  return routes.right.virtualHosts[0]?.routes[0];
}

const match = (value: object): RouteInit =>
  ({ match: { pathSpecifier: { case: "prefix", value: "/" }, ...value } }) as RouteInit;
const action = (value: object): RouteInit =>
  ({
    action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: "c" }, ...value } },
  }) as RouteInit;
const header = (test: object) => match({ headers: [{ name: "x", ...test }] });
const by = (name: string, value: unknown) => ({ headerMatchSpecifier: { case: name, value } });
const text = (name: string, value: unknown, more: object = {}) =>
  by("stringMatch", { matchPattern: { case: name, value }, ...more });
const path = (name: string, value: unknown, more: object = {}) =>
  match({ pathSpecifier: { case: name, value }, ...more });

describe("a match", () => {
  test.each<[string, RouteInit, object]>([
    ["prefix /", path("prefix", "/"), { path: { prefix: "/" } }],
    ["prefix", path("prefix", "/api"), { path: { startsWith: "/api" } }],
    [
      "any case",
      path("prefix", "/a.b", { caseSensitive: false }),
      { path: { regex: String.raw`/[aA]\.[bB].*` } },
    ],
    ["path", path("path", "/x"), { path: { exact: "/x" } }],
    ["path_separated_prefix", path("pathSeparatedPrefix", "/x"), { path: { prefix: "/x" } }],
    ["safe_regex", path("safeRegex", { regex: "/x+" }), { path: { regex: "/x+" } }],
    ["exact", header(text("exact", "1")), { headers: [{ name: "x", exact: "1" }] }],
    [
      "exact, any case",
      header(text("exact", "a", { ignoreCase: true })),
      { headers: [{ name: "x", regex: "[aA]" }] },
    ],
    [
      "prefix of a field",
      header(text("prefix", "a+")),
      { headers: [{ name: "x", regex: String.raw`a\+.*` }] },
    ],
    ["suffix of a field", header(by("suffixMatch", "b")), { headers: [{ name: "x", regex: ".*b" }] }],
    ["contains", header(by("containsMatch", "b")), { headers: [{ name: "x", contains: "b" }] }],
    ["presence", header(by("presentMatch", true)), { headers: [{ name: "x", present: true }] }],
    [
      "no presence",
      header({ ...by("presentMatch", true), invertMatch: true }),
      { headers: [{ name: "x", absent: true }] },
    ],
    ["no test", header({}), { headers: [{ name: "x", present: true }] }],
    ["a method", match({ headers: [{ name: ":method", ...by("exactMatch", "GET") }] }), { methods: ["GET"] }],
    [
      "methods",
      match({ headers: [{ name: ":method", ...by("safeRegexMatch", { regex: "(GET|PUT)" }) }] }),
      { methods: ["GET", "PUT"] },
    ],
    [
      "grpc",
      match({ grpc: {} }),
      { headers: [{ name: "content-type", regex: String.raw`application/grpc(?:\+.*)?` }] },
    ],
    [
      "a parameter",
      match({
        queryParameters: [
          {
            name: "q",
            queryParameterMatchSpecifier: {
              case: "stringMatch",
              value: { matchPattern: { case: "exact", value: "1" } },
            },
          },
        ],
      }),
      { query: [{ name: "q", exact: "1" }] },
    ],
  ])("by %s", (_, route, expected) => {
    expect(translated(route)?.match).toEqual({ path: { prefix: "/" }, ...expected });
  });

  test.each<[RouteInit, string]>([
    [
      path("connectMatcher", new Uint8Array()),
      'match.path_specifier must be prefix, path, safe_regex or path_separated_prefix (got "connect_matcher")',
    ],
    [header(by("rangeMatch", new Uint8Array())), "match.headers[0].range_match must be absent"],
    [
      header({ ...text("exact", "1"), invertMatch: true }),
      "match.headers[0].invert_match must be absent, but with present_match",
    ],
    [
      header({ ...text("exact", ""), treatMissingHeaderAsEmpty: true }),
      "match.headers[0].treat_missing_header_as_empty must be absent",
    ],
    [
      header(text("custom", new Uint8Array())),
      'match.headers[0].string_match. must be exact, prefix, suffix, contains or safe_regex (got "custom")',
    ],
    [
      match({ headers: [{ name: ":path", ...by("exactMatch", "/") }] }),
      'match.headers[0].name must be a header field or :method (got ":path")',
    ],
  ])("is rejected: %j", (route, problem) => {
    expect(readOne(route)).toMatchObject({ left: [`virtual host "all": routes[0].${problem}`] });
  });
});

describe("an action", () => {
  test.each<[string, RouteInit, object]>([
    ["cluster", action({}), { cluster: "c", timeoutMs: 15_000 }],
    ["timeout", action({ timeout: { seconds: 1n, nanos: 5e8 } }), { cluster: "c", timeoutMs: 1_500 }],
    [
      "weighted_clusters",
      action({
        clusterSpecifier: {
          case: "weightedClusters",
          value: {
            clusters: [
              { name: "a", weight: 1 },
              { name: "b", weight: 0 },
            ],
          },
        },
      }),
      { clusters: [{ cluster: "a", weight: 1 }], timeoutMs: 15_000 },
    ],
    [
      "prefix_rewrite",
      action({ prefixRewrite: "/v2" }),
      { match: { path: { startsWith: "/" } }, cluster: "c", timeoutMs: 15_000, rewrite: { prefix: "/v2" } },
    ],
    [
      "regex_rewrite",
      action({ regexRewrite: { pattern: { regex: "^/(.*)$" }, substitution: String.raw`/$\1` } }),
      { cluster: "c", timeoutMs: 15_000, rewrite: { regex: { pattern: "/(.*)", substitution: "/$$$1" } } },
    ],
    [
      "regex_rewrite that ends with any text",
      action({ regexRewrite: { pattern: { regex: "^/a(/?)(.*)" }, substitution: String.raw`/\2` } }),
      { cluster: "c", timeoutMs: 15_000, rewrite: { regex: { pattern: "/a(/?)(.*)", substitution: "/$2" } } },
    ],
    [
      "host_rewrite_literal",
      action({ hostRewriteSpecifier: { case: "hostRewriteLiteral", value: "h" } }),
      { cluster: "c", timeoutMs: 15_000, rewrite: { host: "h" } },
    ],
    [
      "retry_policy",
      action({
        retryPolicy: {
          retryOn: "5xx,unavailable,retriable-status-codes",
          numRetries: 2,
          retriableStatusCodes: [429],
        },
      }),
      {
        cluster: "c",
        timeoutMs: 15_000,
        retry: {
          attempts: 3,
          statuses: ["5xx", 429],
          grpc: ["unavailable"],
          connectFailure: true,
          reset: true,
        },
      },
    ],
    [
      "redirect",
      {
        action: {
          case: "redirect",
          value: {
            responseCode: 3,
            schemeRewriteSpecifier: { case: "httpsRedirect", value: true },
            stripQuery: true,
          },
        },
      },
      { redirect: { status: 307, scheme: "https", stripQuery: true } },
    ],
    [
      "direct_response",
      {
        action: {
          case: "directResponse",
          value: { status: 403, body: { specifier: { case: "inlineString", value: "no" } } },
        },
      },
      { respond: { status: 403, body: "no" } },
    ],
  ])("%s", (_, route, expected) => {
    expect(translated(route)).toEqual({ name: "", match: { path: { prefix: "/" } }, ...expected });
  });

  test.each(["prefix", "pathSeparatedPrefix"])(
    "that rewrites the prefix needs its case: %s (defect: replaced the whole path)",
    (kind) => {
      const problem = "case_sensitive must be true where the prefix is rewritten (got false)";
      const anyCase = path(kind, "/api", { caseSensitive: false });
      const rewrites = { ...anyCase, ...action({ prefixRewrite: "/v2" }) } as RouteInit;
      expect(readOne(rewrites)).toMatchObject({ left: [expect.stringContaining(problem)] });
      expect(translated(anyCase)?.match.path).toHaveProperty("regex");
    },
  );

  test("takes the retry policy of its virtual host if it has none", () => {
    const host = { retryPolicy: { retryOn: "reset" } };
    expect(translated({}, host)?.retry?.attempts).toBe(2);
    expect(
      translated(action({ retryPolicy: { retryOn: "reset", numRetries: 4 } }), host)?.retry?.attempts,
    ).toBe(5);
  });

  test.each<[RouteInit, string]>([
    [
      { action: { case: "filterAction", value: new Uint8Array() } },
      'action must be route, redirect or direct_response (got "filter_action")',
    ],
    [
      action({ clusterSpecifier: { case: "clusterHeader", value: "x" } }),
      'route.cluster_specifier must be cluster or weighted_clusters (got "cluster_header")',
    ],
    [
      action({ hostRewriteSpecifier: { case: "autoHostRewrite", value: new Uint8Array() } }),
      "route.auto_host_rewrite must be absent",
    ],
    ...["/a", "^/a", "/a$", String.raw`^/a\$`, String.raw`^/a\.*`, "^/a|/b$", "^/(a)|[(]b(.*)"].map(
      (regex): [RouteInit, string] => [
        action({ regexRewrite: { pattern: { regex }, substitution: "/b" } }),
        `route.regex_rewrite.pattern must be one for the whole path, from ^ to $ or .* (got ${JSON.stringify(regex)})`,
      ],
    ),
    [
      action({ retryPolicy: { retryOn: "retriable-headers" } }),
      'route.retry_policy.retry_on must be a condition that is supported (got "retriable-headers")',
    ],
    [
      { typedPerFilterConfig: { "envoy.filters.http.rbac": any } },
      "typed_per_filter_config.envoy.filters.http.rbac must be absent or is_optional",
    ],
    [
      { requestHeadersToAdd: [{ header: { key: "x", value: "%REQ(y)%" } }] },
      'request_headers_to_add must be literal values, with %% for % (got "x: %REQ(y)%")',
    ],
    [
      { requestHeadersToAdd: [{ header: { key: "x", value: "1" } }], requestHeadersToRemove: ["X"] },
      'request_headers_to_add must be one edit of each field (got "x")',
    ],
  ])("is rejected: %j", (route, problem) => {
    expect(readOne(route)).toMatchObject({ left: [`virtual host "all": routes[0].${problem}`] });
  });

  test("edits of all levels are combined, and optional filters are ignored", () => {
    const option = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
    const optional = anyPack(FilterConfigSchema, create(FilterConfigSchema, { isOptional: true }));
    const routes = readOne(
      { requestHeadersToAdd: [option("a", "1")], typedPerFilterConfig: { stats: optional } },
      { requestHeadersToAdd: [option("b", "100%%", { append: false })] },
      { requestHeadersToRemove: ["c"] },
    );
    expect(routes).toMatchObject({ right: { ignored: ["typed_per_filter_config"] } });
    expect(!isLeft(routes) && routes.right.virtualHosts[0]?.routes[0]?.requestHeaders).toEqual({
      add: { a: "1" },
      set: { b: "100%" },
      remove: ["c"],
    });
  });
});

test.each<[Hosts, object, string]>([
  [
    [{ name: "a", domains: ["*-x.example"] }],
    {},
    'virtual host "a": domains must be hosts, *.HOST, HOST.* or * (got "*-x.example")',
  ],
  [
    [{ name: "a", domains: ["x", "X"] }],
    {},
    'virtual host "a": domains must be hosts of no other virtual host (got "X")',
  ],
  [[{ name: "a", domains: [] }], {}, 'virtual host "a": domains must be at least one (missing)'],
])("virtual hosts are rejected: %j", (hosts, more, problem) => {
  expect(read(hosts, more)).toEqual({ _tag: "Left", left: [problem] });
});

describe("fields that are not read", () => {
  type Message = { $unknown?: unknown };
  const withField = <M>(message: M, at: (message: M) => Message | undefined, no: number): M => {
    Object.assign(at(message) ?? {}, { $unknown: [{ no, wireType: 2, data: Uint8Array.of(0) }] });
    return message;
  };
  const routes = () =>
    create(RouteConfigurationSchema, {
      virtualHosts: [{ name: "all", domains: ["*"], routes: [routeTo("c")] }],
    });
  type Routes = ReturnType<typeof routes>;
  const route = ({ virtualHosts: [host] }: Routes) => host?.routes[0];

  test.each<[string, (message: Routes) => Message | undefined, number]>([
    ["vhds must be absent", (message) => message, 9],
    ["field 77 is not known", (message) => message, 77],
    ['virtual host "all": require_tls must be absent', ({ virtualHosts }) => virtualHosts[0], 4],
    ['virtual host "all": routes[0].field 77 is not known', route, 77],
    [
      'virtual host "all": routes[0].match.runtime_fraction must be absent',
      (message) => route(message)?.match,
      9,
    ],
    [
      'virtual host "all": routes[0].route.request_mirror_policies must be absent',
      (message) => route(message)?.action.value as Message,
      30,
    ],
  ])("%s", (problem, at, no) => {
    expect(routesOf(withField(routes(), at, no))).toEqual({ _tag: "Left", left: [problem] });
  });

  test("are ignored by name if they have no effect here", () => {
    expect(routesOf(withField(routes(), (message) => message, 7))).toMatchObject({
      right: { ignored: ["validate_clusters"] },
    });
    const edge = withField(listener("edge", 80, "r"), (message) => message, 22);
    expect(listenerOf(edge)).toMatchObject({ right: { ignored: ["access_log"] } });
  });

  test.each<[string, number]>([
    ["use_original_dst must be absent", 4],
    ["field 77 is not known", 77],
  ])("of a listener: %s", (problem, no) => {
    const edge = withField(listener("edge", 80, "r"), (message) => message, no);
    expect(listenerOf(edge)).toEqual({ _tag: "Left", left: [problem] });
  });
});

test("the routes of all domains are limited (defect: their product was not)", () => {
  const of = (count: number) =>
    read([
      {
        name: "all",
        domains: Array.from({ length: count }, (_, n) => `${n}.test`),
        routes: Array.from({ length: 1_000 }, () => routeTo("c")),
      },
    ]);
  expect(of(100)._tag).toBe("Right");
  expect(of(101)).toEqual({
    _tag: "Left",
    left: ["virtual_hosts must be at most 100000 pairs of a domain and a route (got 101000)"],
  });
});
