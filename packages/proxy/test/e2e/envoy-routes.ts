import { seededRandom } from "@pagoda/core/testing";
import { envoyTypes } from "./envoy.ts";

/** A listener in Envoy's JSON, on a free port of loopback, with routes of this name. */
export function envoyListener(
  name: string,
  routes: string,
  manager: object = {},
  chain: object = {},
  port: number = 0,
): object {
  const http = {
    "@type": `${envoyTypes}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    rds: { route_config_name: routes, config_source: { ads: {}, resource_api_version: "V3" } },
    http_filters: [
      { name: "router", typed_config: { "@type": `${envoyTypes}.filters.http.router.v3.Router` } },
    ],
    ...manager,
  };
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "http", typed_config: http }], ...chain }],
  };
}

const to = (cluster: string, more: object = {}) => ({ route: { cluster, ...more } });

/** Routes of every kind, in Envoy's JSON. */
export const routes: object = {
  name: "shop",
  virtual_hosts: [
    {
      name: "shop",
      domains: ["shop.test", "shop.test:8080"],
      routes: [
        { match: { path: "/exact" }, ...to("a") },
        { match: { prefix: "/api/v2", headers: [{ name: "x-beta", present_match: true }] }, ...to("b") },
        { match: { prefix: "/api" }, ...to("a", { prefix_rewrite: "/svc" }) },
        { match: { prefix: "/api/v3" }, ...to("c") },
        { match: { path_separated_prefix: "/seg" }, ...to("b", { prefix_rewrite: "/part" }) },
        {
          match: { safe_regex: { regex: "/users/[0-9]+" } },
          ...to("c", { host_rewrite_literal: "users.test" }),
        },
        {
          match: { prefix: "/re/" },
          ...to("c", {
            regex_rewrite: { pattern: { regex: "^/re/(.*)/(.*)$" }, substitution: String.raw`/\2/\1` },
          }),
        },
        { match: { path_separated_prefix: "/sep" }, ...to("c", { prefix_rewrite: "/" }) },
        { match: { path_separated_prefix: "/sep-new" }, ...to("c", { prefix_rewrite: "/new/" }) },
        {
          match: { path_separated_prefix: "/mesh" },
          ...to("c", {
            regex_rewrite: { pattern: { regex: "^/mesh(/?)(.*)" }, substitution: String.raw`/\2` },
          }),
        },
        { match: { prefix: "/CASE", case_sensitive: false }, ...to("b") },
        {
          match: { prefix: "/m", headers: [{ name: ":method", string_match: { exact: "POST" } }] },
          ...to("a"),
        },
        {
          match: {
            prefix: "/m",
            headers: [{ name: ":method", string_match: { safe_regex: { regex: "PUT|DELETE" } } }],
          },
          ...to("b"),
        },
        {
          match: { prefix: "/h", headers: [{ name: "x-tier", string_match: { exact: "gold" } }] },
          ...to("a"),
        },
        {
          match: { prefix: "/h", headers: [{ name: "x-tier", string_match: { prefix: "sil" } }] },
          ...to("b"),
        },
        {
          match: {
            prefix: "/h",
            headers: [{ name: "x-tier", string_match: { suffix: "Ze", ignore_case: true } }],
          },
          ...to("c"),
        },
        {
          match: { prefix: "/h", headers: [{ name: "x-tier", string_match: { contains: "oo" } }] },
          ...to("a"),
        },
        {
          match: { prefix: "/h", headers: [{ name: "x-tier", present_match: true, invert_match: true }] },
          direct_response: { status: 403, body: { inline_string: "no tier" } },
        },
        {
          match: { prefix: "/q", query_parameters: [{ name: "v", string_match: { exact: "1" } }] },
          ...to("a"),
        },
        { match: { prefix: "/q", query_parameters: [{ name: "v", present_match: true }] }, ...to("b") },
        { match: { path: "/old" }, redirect: { path_redirect: "/new", response_code: "PERMANENT_REDIRECT" } },
        {
          match: { prefix: "/place/" },
          redirect: { prefix_rewrite: "/here/", host_redirect: "other.test", strip_query: true },
        },
        { match: { prefix: "/secure" }, redirect: { https_redirect: true, response_code: "FOUND" } },
        { match: { prefix: "/gone" }, direct_response: { status: 410, body: { inline_string: "gone" } } },
        { match: { prefix: "/slow" }, ...to("slow", { timeout: "0.1s" }) },
        { match: { prefix: "/nobody" }, ...to("empty") },
        {
          match: { prefix: "/add" },
          ...to("a"),
          request_headers_to_add: [{ header: { key: "x-added", value: "yes" } }],
          request_headers_to_remove: ["x-tier"],
        },
      ],
    },
    {
      name: "wild",
      domains: ["*.shop.test", "www.*"],
      routes: [
        { match: { path: "/exact" }, ...to("b") },
        { match: { prefix: "/a" }, ...to("c") },
      ],
    },
    {
      name: "deeper",
      domains: ["*.eu.shop.test"],
      routes: [{ match: { prefix: "/" }, ...to("a", { prefix_rewrite: "/eu" }) }],
    },
    {
      name: "rest",
      domains: ["*"],
      routes: [
        { match: { prefix: "/exact" }, direct_response: { status: 418 } },
        { match: { prefix: "/a" }, ...to("a") },
      ],
    },
  ],
};

export interface GeneratedRequest {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

const hosts = [
  "shop.test",
  "shop.test",
  "shop.test",
  "SHOP.test",
  "shop.test:8080",
  "shop.test:81",
  "x.shop.test",
];
const otherHosts = [
  "a.eu.shop.test",
  "eu.shop.test",
  "www.any.example",
  "www.",
  "other.test",
  "xshop.test",
  "a.shop.test:80",
];
const starts = [
  "/exact",
  "/api",
  "/api/v2",
  "/api/v3",
  "/apiary",
  "/seg",
  "/segment",
  "/users/",
  "/re/",
  "/mesh",
  "/case",
  "/CaSe",
  "/m",
  "/h",
  "/q",
  "/old",
  "/place/",
  "/secure",
  "/gone",
  "/nobody",
  "/add",
  "/a",
  "/",
];
const ends = ["", "", "", "/", "/x", "/x/y", "7", "x/y/z", "/%2e%2e/x", "/%7e", "//x"];
const queries = ["", "", "?v=1", "?v=2", "?v", "?w=1&v=1", "?x"];
const tiers = ["gold", "silver", "bronZE", "wooden", "Gold", "iron"];

/** The same requests for the same seed. */
export function generatedRequests(seed: number, count: number): readonly GeneratedRequest[] {
  const random = seededRandom(seed);
  const one = (list: readonly string[]): string => list[Math.floor(random() * list.length)] as string;
  return Array.from({ length: count }, () => ({
    host: one([...hosts, ...otherHosts]),
    path: one(starts) + one(ends) + one(queries),
    method: one(["GET", "GET", "GET", "POST", "PUT", "DELETE"]),
    headers: {
      ...(random() < 0.6 && { "x-tier": one(tiers) }),
      ...(random() < 0.3 && { "x-beta": "1" }),
    },
  }));
}
