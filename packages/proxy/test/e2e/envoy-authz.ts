import { envoyTypes } from "./envoy.ts";

const socket = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });

/** How Envoy asks an authorization server. */
export interface EnvoyAuthz {
  /** Ports. */
  readonly origin: number;
  readonly grpc: number;
  readonly http: number;
  readonly protocol: "grpc" | "http";
  readonly failOpen: boolean;
  readonly timeout?: string;
  readonly body?: { readonly maxBytes: number; readonly allowPartial: boolean; readonly asBytes?: boolean };
}

/** A configuration with `ext_authz` in front of one origin. */
export function authzBootstrap({
  origin,
  grpc,
  http,
  protocol,
  failOpen,
  timeout = "2s",
  body,
}: EnvoyAuthz): object {
  const authz = {
    "@type": `${envoyTypes}.filters.http.ext_authz.v3.ExtAuthz`,
    transport_api_version: "V3",
    failure_mode_allow: failOpen,
    status_on_error: { code: "ServiceUnavailable" },
    ...(protocol === "grpc"
      ? { grpc_service: { envoy_grpc: { cluster_name: "grpc" }, timeout } }
      : {
          http_service: {
            server_uri: { uri: `http://127.0.0.1:${http}`, cluster: "http", timeout },
            authorization_response: {
              allowed_upstream_headers: { patterns: [{ exact: "x-user" }, { exact: "x-groups" }] },
            },
          },
        }),
    ...(body && {
      with_request_body: {
        max_request_bytes: body.maxBytes,
        allow_partial_message: body.allowPartial,
        pack_as_bytes: body.asBytes ?? false,
      },
    }),
  };
  const manager = {
    "@type": `${envoyTypes}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "all",
    normalize_path: true,
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }] },
      ],
    },
    http_filters: [
      { name: "authz", typed_config: authz },
      { name: "router", typed_config: { "@type": `${envoyTypes}.filters.http.router.v3.Router` } },
    ],
  };
  const cluster = (name: string, port: number, isHttp2 = false) => ({
    name,
    connect_timeout: "2s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
    },
    ...(isHttp2 && {
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": `${envoyTypes}.upstreams.http.v3.HttpProtocolOptions`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
  });
  return {
    node: { id: "test", cluster: "test" },
    admin: { address: socket(0) },
    static_resources: {
      listeners: [
        {
          name: "all",
          address: socket(0),
          filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
        },
      ],
      clusters: [cluster("origin", origin), cluster("grpc", grpc, true), cluster("http", http)],
    },
  };
}
