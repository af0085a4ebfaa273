import { describe, expect, test } from "vitest";
import { listener, type ListenerInit, type ManagerInit, routerFilter } from "@pagoda/xds/testing";
import { listenerOf } from "../src/listener.ts";

describe("a listener", () => {
  const of = (settings: ListenerInit & { readonly manager?: ManagerInit }) =>
    listenerOf(listener("edge", 80, "r", settings));
  const filter = (name: string, isOptional = false) => ({ name, isOptional });

  test("says how requests are read", () => {
    const manager: ManagerInit = {
      codecType: 1,
      normalizePath: true,
      mergeSlashes: true,
      pathWithEscapedSlashesAction: 4,
      upgradeConfigs: [{ upgradeType: "websocket" }],
      httpFilters: [filter("optional", true), routerFilter],
    };
    expect(of({ manager })).toEqual({
      _tag: "Right",
      right: {
        name: "edge",
        address: "127.0.0.1",
        port: 80,
        protocols: ["http1"],
        normalizesPaths: true,
        mergesSlashes: true,
        escapedSlashes: "decode",
        upgrades: ["websocket"],
        routes: "r",
        ignored: ["http_filters optional"],
      },
    });
  });

  test.each<[string, ListenerInit & { readonly manager?: ManagerInit }]>([
    [
      'filter_chains[0].filters[0].http_filters must be the router alone, and optional ones (got "envoy.filters.http.rbac")',
      { manager: { httpFilters: [filter("envoy.filters.http.rbac"), routerFilter] } },
    ],
    [
      "filter_chains[0].filters[0].http_filters must be a list that ends with the router (missing)",
      { manager: { httpFilters: [] } },
    ],
    [
      "filter_chains[0].filters[0].merge_slashes requires normalize_path",
      { manager: { mergeSlashes: true } },
    ],
    [
      "filter_chains[0].filters[0].codec_type must be AUTO, HTTP1 or HTTP2 (got 3)",
      { manager: { codecType: 3 } },
    ],
    [
      'filter_chains[0].filters[0].route_specifier must be rds or route_config (got "scoped_routes")',
      { manager: { routeSpecifier: { case: "scopedRoutes", value: new Uint8Array() } } },
    ],
    ['filter_chains must be one chain (got "0")', { filterChains: [] }],
    [
      'listener_filters must be tls_inspector or http_inspector (got "proxy")',
      { listenerFilters: [{ name: "proxy" }] },
    ],
    ["bind_to_port must be true (got false)", { bindToPort: false }],
    ["address must be a socket_address (missing)", { address: {} }],
    [
      'filter_chains[0].transport_socket must be raw_buffer (got "tls")',
      {
        filterChains: [
          { transportSocket: { name: "tls" }, filters: listener("", 0, "r").filterChains[0]?.filters ?? [] },
        ],
      },
    ],
    [
      'filter_chains[0].filters must be one http_connection_manager (got "tcp")',
      { filterChains: [{ filters: [{ name: "tcp" }] }] },
    ],
  ])("is rejected: %s", (problem, settings) => {
    expect(of(settings)).toEqual({ _tag: "Left", left: [problem] });
  });
});
