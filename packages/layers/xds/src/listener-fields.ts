import type { Skipped } from "./unknown-fields.ts";

/** Fields of a listener that are not read. */
export const listenerFields: Skipped = {
  ignored: {
    5: "per_connection_buffer_limit_bytes",
    6: "metadata",
    8: "drain_type",
    12: "tcp_fast_open_queue_length",
    13: "socket_options",
    15: "listener_filters_timeout",
    16: "traffic_direction",
    17: "continue_on_listener_filters_timeout",
    20: "connection_balance_config",
    21: "reuse_port",
    22: "access_log",
    24: "tcp_backlog_size",
    28: "stat_prefix",
    29: "enable_reuse_port",
    31: "ignore_global_conn_limit",
    34: "max_connections_to_accept_per_socket_event",
    35: "bypass_overload_manager",
  },
  refused: {
    4: "use_original_dst",
    7: "deprecated_v1",
    10: "transparent",
    11: "freebind",
    18: "udp_listener_config",
    19: "api_listener",
    25: "default_filter_chain",
    27: "internal_listener",
    30: "enable_mptcp",
    32: "filter_chain_matcher",
    33: "additional_addresses",
  },
};

export const filterChainFields: Skipped = {
  ignored: { 5: "metadata", 7: "name", 9: "transport_socket_connect_timeout" },
  refused: { 4: "use_proxy_proto", 8: "on_demand_configuration" },
};

export const filterChainMatchFields: Skipped = {
  ignored: {},
  refused: {
    3: "prefix_ranges",
    4: "address_suffix",
    5: "suffix_len",
    6: "source_prefix_ranges",
    7: "source_ports",
    8: "destination_port",
    10: "application_protocols",
    11: "server_names",
    12: "source_type",
    13: "direct_source_prefix_ranges",
  },
};

/** Settings of connections, logs and headers are those of the program. */
export const managerFields: Skipped = {
  ignored: {
    2: "stat_prefix",
    6: "add_user_agent",
    7: "tracing",
    8: "http_protocol_options",
    9: "http2_protocol_options",
    10: "server_name",
    12: "drain_timeout",
    13: "access_log",
    14: "use_remote_address",
    15: "generate_request_id",
    16: "forward_client_cert_details",
    17: "set_current_client_cert_details",
    18: "proxy_100_continue",
    19: "xff_num_trusted_hops",
    20: "represent_ipv4_remote_address_as_ipv4_mapped_ipv6",
    21: "skip_xff_append",
    22: "via",
    24: "stream_idle_timeout",
    25: "internal_address_config",
    26: "delayed_close_timeout",
    28: "request_timeout",
    29: "max_request_headers_kb",
    32: "preserve_external_request_id",
    34: "server_header_transformation",
    35: "common_http_protocol_options",
    36: "request_id_extension",
    37: "always_set_request_id_in_response",
    40: "stream_error_on_invalid_http_message",
    41: "request_headers_timeout",
    44: "http3_protocol_options",
    49: "proxy_status_config",
    50: "typed_header_validation_config",
    51: "append_x_forwarded_port",
    53: "add_proxy_protocol_connection_state",
    54: "access_log_flush_interval",
    55: "flush_access_log_on_new_request",
    56: "access_log_options",
    57: "append_local_overload",
  },
  refused: {
    38: "local_reply_config",
    39: "strip_matching_host_port",
    42: "strip_any_host_port",
    43: "path_normalization_options",
    46: "original_ip_detection_extensions",
    47: "strip_trailing_host_dot",
    48: "scheme_header_transformation",
    52: "early_header_mutation_extensions",
  },
};

/** Of the filter that forwards. Filters of upstreams may protect them, as those of listeners do. */
export const routerFields: Skipped = {
  ignored: {
    1: "dynamic_stats",
    2: "start_child_span",
    3: "upstream_log",
    4: "suppress_envoy_headers",
    5: "strict_check_headers",
    6: "respect_expected_rq_timeout",
    7: "suppress_grpc_request_failure_code_stats",
    9: "upstream_log_options",
  },
  refused: { 8: "upstream_http_filters" },
};
