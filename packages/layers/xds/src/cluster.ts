import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Either, isLeft, left, mustBe, right } from "@pagoda/core";
import { type Assignment, assignmentOf } from "./assignment.ts";
import {
  type Cluster,
  type Cluster_TransportSocketMatch,
  HttpProtocolOptionsSchema,
} from "./generated/cluster_pb.ts";
import type { ConfigSource, TransportSocket } from "./generated/core_pb.ts";
import { fieldName, type Skipped, skippedFields } from "./unknown-fields.ts";

/** What a cluster of the control plane says about its endpoints. */
export interface ClusterResource {
  readonly name: string;
  /** Where the endpoints come from: the name of their assignment, or the list itself. */
  readonly endpoints: string | Assignment;
  /** Whether the origins must be called over TLS. */
  readonly tls: boolean;
  /** Whether localities share the calls by their weights. */
  readonly isLocalityWeighted: boolean;
  /** Settings that have no effect here, by their names. */
  readonly ignored: readonly string[];
}

const types = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];
const policies: Readonly<Record<number, string>> = {
  0: "ROUND_ROBIN",
  1: "LEAST_REQUEST",
  2: "RING_HASH",
  3: "RANDOM",
  5: "MAGLEV",
  6: "CLUSTER_PROVIDED",
};
const loadBalancingPolicyConfig = 7;
const validPolicies = "ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV";

const policyType =
  /\/envoy\.extensions\.load_balancing_policies\.(?:round_robin|least_request|ring_hash|random|maglev)\.v3\.\w+$/;

/**
 * Ignored are fields that the program that calls the endpoints decides, refused those that change
 * where calls go or how they are protected.
 */
const clusterFields: Skipped = {
  ignored: {
    4: "connect_timeout",
    5: "per_connection_buffer_limit_bytes",
    8: "health_checks",
    9: "max_requests_per_connection",
    10: "circuit_breakers",
    13: "http_protocol_options",
    14: "http2_protocol_options",
    16: "dns_refresh_rate",
    17: "dns_lookup_family",
    18: "dns_resolvers",
    19: "outlier_detection",
    20: "cleanup_interval",
    21: "upstream_bind_config",
    23: "ring_hash_lb_config",
    25: "metadata",
    26: "protocol_selection",
    28: "alt_stat_name",
    29: "common_http_protocol_options",
    30: "upstream_connection_options",
    31: "close_connections_on_host_health_failure",
    32: "ignore_health_on_host_removal",
    37: "least_request_lb_config",
    39: "respect_dns_ttl",
    42: "lrs_server",
    44: "dns_failure_refresh_rate",
    45: "use_tcp_for_dns_lookups",
    46: "upstream_http_protocol_options",
    47: "track_timeout_budgets",
    49: "track_cluster_stats",
    50: "preconnect_policy",
    51: "connection_pool_per_downstream_connection",
    52: "maglev_lb_config",
    53: "dns_resolution_config",
    54: "wait_for_warm_on_init",
    55: "typed_dns_resolver_config",
    56: "round_robin_lb_config",
    57: "lrs_report_endpoint_metrics",
  },
  refused: { 22: "lb_subset_config", 48: "upstream_config" },
};

const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/**
 * Validates a cluster. Anything that decides where calls go or how they are protected must be
 * supported, whereas settings of connections and balancing are ignored, and listed as such.
 * `Left`: each problem with its field.
 */
export function clusterOf(message: Cluster): Either<readonly string[], ClusterResource> {
  const problems: string[] = [];
  const ignored = [
    ...ignoredPolicies(message, problems),
    ...skippedFields(message.$unknown, clusterFields, "", problems),
  ];
  const filters = [...message.filters, ...httpFilters(message, problems)];
  if (filters.length > 0)
    problems.push(mustBe("filters", "empty", filters.map(({ name }) => name).join(", ")));
  const tls = needsTls(message, problems);
  const endpoints = sourceOf(message, problems);
  if (problems.length > 0 || endpoints === undefined) return left(problems);
  const isLocalityWeighted = message.commonLbConfig?.localityWeightedLbConfig !== undefined;
  return right({ name: message.name, endpoints, tls, isLocalityWeighted, ignored });
}

function sourceOf(message: Cluster, problems: string[]): string | Assignment | undefined {
  const { clusterDiscoveryType: kind, edsClusterConfig: eds, loadAssignment } = message;
  if (kind.case === "clusterType") {
    problems.push(mustBe("cluster_type", "absent", kind.value.name));
    return undefined;
  }
  const type = kind.value ?? 0;
  if (types[type] === "EDS") {
    if (!isAggregated(eds?.edsConfig))
      problems.push(mustBe("eds_cluster_config.eds_config", "ads or self", sourceName(eds?.edsConfig)));
    return eds?.serviceName || message.name;
  }
  if (types[type] !== "STATIC") {
    problems.push(mustBe("type", "EDS or STATIC", types[type] ?? type));
    return undefined;
  }
  if (loadAssignment === undefined) {
    problems.push(mustBe("load_assignment", "a list of endpoints", undefined));
    return undefined;
  }
  // Its name is not used: the list belongs to this cluster.
  const listed = assignmentOf({ ...loadAssignment, clusterName: loadAssignment.clusterName || message.name });
  if (!isLeft(listed)) return listed.right;
  problems.push(...listed.left.map((problem) => `load_assignment.${problem}`));
  return undefined;
}

function isAggregated(source: ConfigSource | undefined): boolean {
  return ["ads", "self"].includes(source?.configSourceSpecifier.case ?? "");
}

function sourceName(source: ConfigSource | undefined): string | undefined {
  const specifier = source?.configSourceSpecifier.case;
  return specifier && fieldName(specifier);
}

/** The policy of the control plane must exist here, although the caller chooses its own. */
function ignoredPolicies({ lbPolicy, loadBalancingPolicy: list }: Cluster, problems: string[]): string[] {
  if (list !== undefined || lbPolicy === loadBalancingPolicyConfig) {
    const names = (list?.policies ?? []).map(({ typedExtensionConfig: one }) => one);
    if (names.some((one) => policyType.test(one?.typedConfig?.typeUrl ?? "")))
      return ["load_balancing_policy"];
    const got = names
      .map((one) => one?.typedConfig?.typeUrl.replace(/^.*\//, "") || one?.name || "")
      .join(", ");
    problems.push(mustBe("load_balancing_policy", `one of ${validPolicies}`, got || undefined));
    return [];
  }
  const name = policies[lbPolicy];
  if (name === undefined || name === "CLUSTER_PROVIDED")
    problems.push(mustBe("lb_policy", validPolicies, name ?? lbPolicy));
  return lbPolicy === 0 ? [] : ["lb_policy"];
}

/** Filters around the calls of a cluster, without the codec that ends each chain. */
function httpFilters({ typedExtensionProtocolOptions: all }: Cluster, problems: string[]) {
  return Object.entries(all).flatMap(([name, any]) => {
    if (!any.typeUrl.endsWith(`/${httpOptions}`)) {
      problems.push(mustBe("typed_extension_protocol_options", httpOptions, any.typeUrl || name));
      return [];
    }
    try {
      const { httpFilters: filters } = fromBinary(HttpProtocolOptionsSchema, any.value);
      return filters.filter((filter) => filter.name !== "envoy.filters.http.upstream_codec");
    } catch {
      problems.push(`typed_extension_protocol_options.${name} cannot be decoded`);
      return [];
    }
  });
}

function needsTls({ transportSocket, transportSocketMatches }: Cluster, problems: string[]): boolean {
  const selected = transportSocketMatches.filter((match) => !isPlain(match.transportSocket));
  if (selected.length > 0)
    problems.push(mustBe("transport_socket_matches", "plain text", selected.map(nameOf).join(", ")));
  if (isPlain(transportSocket)) return false;
  if (isType(transportSocket?.typedConfig, "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"))
    return true;
  problems.push(mustBe("transport_socket", "raw_buffer or tls", transportSocket?.name));
  return false;
}

function nameOf({ name, transportSocket }: Cluster_TransportSocketMatch): string {
  return name || (transportSocket?.name ?? "");
}

function isPlain(socket: TransportSocket | undefined): boolean {
  if (socket === undefined) return true;
  if (socket.typedConfig === undefined) return socket.name === "envoy.transport_sockets.raw_buffer";
  return isType(socket.typedConfig, "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer");
}

function isType(any: Any | undefined, name: string): boolean {
  return any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) === name;
}
