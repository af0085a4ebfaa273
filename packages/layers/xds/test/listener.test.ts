import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { listener, type ListenerInit, type ManagerInit, routerFilter } from "@pagoda/xds/testing";
import { type CommonTlsContextSchema, DownstreamTlsContextSchema } from "../src/generated/tls_pb.ts";
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
      'filter_chains[0].transport_socket must be raw_buffer or tls (got "tls")',
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

  test("whose router has filters of upstreams is rejected (defect: they were skipped)", () => {
    const router = (...fields: readonly number[]) => {
      const value = Uint8Array.from(fields.flatMap((no) => [(no << 3) | 2, 0]));
      const { typeUrl } = routerFilter.configType.value;
      const configType = { case: "typedConfig" as const, value: { typeUrl, value } };
      return of({ manager: { httpFilters: [{ ...routerFilter, configType }] } });
    };
    expect(router(3)).toMatchObject({ right: { ignored: ["upstream_log"] } });
    const place = "filter_chains[0].filters[0].http_filters.router.";
    expect(router(3, 8)).toMatchObject({ left: [`${place}upstream_http_filters must be absent`] });
  });
});

describe("TLS of a listener", () => {
  const ads = { configSourceSpecifier: { case: "ads" as const, value: new Uint8Array() } };
  const secret = (name: string) => ({ name, sdsConfig: ads });
  const cert = { tlsCertificateSdsSecretConfigs: [secret("edge")] };
  const of = (commonTlsContext: MessageInitShape<typeof CommonTlsContextSchema>, more: object = {}) => {
    const context = create(DownstreamTlsContextSchema, { commonTlsContext, ...more } as never);
    const [chain] = listener("edge", 443, "r").filterChains;
    const transportSocket = { name: "tls", typedConfig: anyPack(DownstreamTlsContextSchema, context) };
    return listenerOf(
      listener("edge", 443, "r", { filterChains: [{ filters: chain?.filters ?? [], transportSocket }] }),
    );
  };

  test("has certificates and authorities by the names of secrets", () => {
    expect(of(cert)).toMatchObject({ right: { tls: { certificates: ["edge"], minVersion: "TLSv1.2" } } });
    const combined = { validationContextSdsSecretConfig: secret("mesh") };
    expect(
      of(
        {
          ...cert,
          tlsParams: { tlsMinimumProtocolVersion: 4 },
          validationContextType: { case: "combinedValidationContext", value: combined },
        },
        { requireClientCertificate: true },
      ),
    ).toMatchObject({
      right: {
        tls: { certificates: ["edge"], minVersion: "TLSv1.3", clients: { ca: "mesh", required: true } },
      },
    });
  });

  const context = "filter_chains[0].transport_socket.common_tls_context.";
  test.each<[string, MessageInitShape<typeof CommonTlsContextSchema>]>([
    [`${context}tls_certificate_sds_secret_configs must be at least one secret (missing)`, {}],
    [
      `${context}tls_certificate_sds_secret_configs.sds_config must be ads or self (missing)`,
      { tlsCertificateSdsSecretConfigs: [{ name: "edge" }] },
    ],
    [
      `${context}tls_params.tls_minimum_protocol_version must be TLSv1_2 or TLSv1_3 (got 1)`,
      { ...cert, tlsParams: { tlsMinimumProtocolVersion: 1 } },
    ],
    [
      `${context}validation_context must be absent`,
      { ...cert, validationContextType: { case: "validationContext", value: new Uint8Array() } },
    ],
    [
      `${context}combined_validation_context.default_validation_context must be empty`,
      {
        ...cert,
        validationContextType: {
          case: "combinedValidationContext",
          value: {
            defaultValidationContext: { trustedCa: {} },
            validationContextSdsSecretConfig: secret("mesh"),
          },
        },
      },
    ],
  ])("is rejected: %s", (problem, common) => {
    expect(of(common)).toEqual({ _tag: "Left", left: [problem] });
  });

  test("that requires client certificates needs their authorities", () => {
    expect(of(cert, { requireClientCertificate: true })).toMatchObject({
      left: [
        "filter_chains[0].transport_socket.require_client_certificate requires authorities from a secret",
      ],
    });
  });
});
