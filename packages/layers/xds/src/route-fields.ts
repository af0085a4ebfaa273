import type { Skipped } from "./unknown-fields.ts";

/** Fields of a route configuration that are not read. */
export const routeConfigurationFields: Skipped = {
  ignored: {
    3: "internal_only_headers",
    7: "validate_clusters",
    11: "max_direct_response_body_size_bytes",
    17: "metadata",
  },
  refused: {
    9: "vhds",
    10: "most_specific_header_mutations_wins",
    12: "cluster_specifier_plugins",
    13: "request_mirror_policies",
    15: "ignore_path_parameters_in_path_matching",
  },
};

export const virtualHostFields: Skipped = {
  ignored: {
    5: "virtual_clusters",
    6: "rate_limits",
    14: "include_request_attempt_count",
    18: "per_request_buffer_limit_bytes",
    19: "include_attempt_count_in_response",
    23: "include_is_timeout_retry_header",
    24: "metadata",
  },
  refused: {
    4: "require_tls",
    8: "cors",
    17: "hedge_policy",
    20: "retry_policy_typed_config",
    21: "matcher",
    22: "request_mirror_policies",
  },
};

export const routeFields: Skipped = {
  ignored: {
    4: "metadata",
    5: "decorator",
    15: "tracing",
    16: "per_request_buffer_limit_bytes",
    19: "stat_prefix",
  },
  refused: {},
};

export const routeMatchFields: Skipped = {
  ignored: {},
  refused: { 9: "runtime_fraction", 11: "tls_context", 13: "dynamic_metadata", 16: "filter_state" },
};

export const routeActionFields: Skipped = {
  ignored: {
    11: "priority",
    13: "rate_limits",
    14: "include_vh_rate_limits",
    15: "hash_policy",
    20: "cluster_not_found_response_code",
    23: "max_grpc_timeout",
    24: "idle_timeout",
    28: "grpc_timeout_offset",
    36: "max_stream_duration",
    38: "append_x_forwarded_host",
    40: "early_data_policy",
  },
  refused: {
    4: "metadata_match",
    17: "cors",
    25: "upgrade_configs",
    26: "internal_redirect_action",
    27: "hedge_policy",
    30: "request_mirror_policies",
    31: "max_internal_redirects",
    33: "retry_policy_typed_config",
    34: "internal_redirect_policy",
    41: "path_rewrite_policy",
  },
};

export const weightedClusterFields: Skipped = {
  ignored: { 2: "runtime_key_prefix", 3: "total_weight" },
  refused: { 4: "header_name", 5: "use_hash_policy" },
};

export const clusterWeightFields: Skipped = {
  ignored: {},
  refused: {
    3: "metadata_match",
    4: "request_headers_to_add",
    5: "response_headers_to_add",
    6: "response_headers_to_remove",
    9: "request_headers_to_remove",
    10: "typed_per_filter_config",
    11: "host_rewrite_literal",
    12: "cluster_header",
  },
};

export const retryPolicyFields: Skipped = {
  ignored: {
    3: "per_try_timeout",
    4: "retry_priority",
    5: "retry_host_predicate",
    6: "host_selection_retry_max_attempts",
    11: "rate_limited_retry_back_off",
    13: "per_try_idle_timeout",
  },
  refused: {
    9: "retriable_headers",
    10: "retriable_request_headers",
    12: "retry_options_predicates",
  },
};
