// The panels of the dashboard, row by row.
import { callRate, dimensions, duration, events, failedShare, own, ownRate, state } from "./queries.ts";

export interface Query {
  readonly expr: string;
  /** How a series is called: `{{label}}` is the value of a label. */
  readonly legend: string;
}

/** A graph of series over time. */
export interface Graph {
  readonly title: string;
  /** A unit of Grafana. */
  readonly unit: "reqps" | "cps" | "percentunit" | "s" | "short" | "bytes" | "bool";
  readonly description?: string;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly graphs: readonly Graph[];
}

const endpoint = "{{cluster}} {{endpoint}}";
const place = "{{listener}} {{route}}";

const requests: Row = {
  title: "Requests",
  graphs: [
    ...dimensions.map((by): Graph => ({
      title: `Requests by ${by}`,
      unit: "reqps",
      queries: [{ expr: callRate(by), legend: `{{${by}}}` }],
    })),
    ...dimensions.map((by): Graph => ({
      title: `Errors by ${by}`,
      unit: "percentunit",
      description: "Share of requests answered with 5xx, or not at all.",
      queries: [{ expr: failedShare(by), legend: `{{${by}}}` }],
    })),
    ...dimensions.map((by): Graph => ({
      title: `Duration by ${by}, p99`,
      unit: "s",
      description: "From the request to the end of its response.",
      queries: [{ expr: duration(0.99, by), legend: `{{${by}}}` }],
    })),
    {
      title: "Duration, percentiles",
      unit: "s",
      queries: [0.5, 0.9, 0.99, 0.999].map((quantile) => ({
        expr: duration(quantile),
        legend: `p${quantile * 100}`,
      })),
    },
    {
      title: "Requests by status",
      unit: "reqps",
      queries: [{ expr: callRate("status"), legend: "{{status}}" }],
    },
    {
      title: "Answered by the proxy itself",
      unit: "reqps",
      description: "By the error, and the error that caused it, if any.",
      queries: [
        { expr: ownRate("reason, cause", "http_local_responses_total"), legend: "{{reason}} {{cause}}" },
        {
          expr: ownRate("listener, status", "http_requests_refused_total"),
          legend: "refused before the stack: {{listener}} {{status}}",
        },
      ],
    },
    {
      title: "Requests in flight",
      unit: "short",
      queries: [{ expr: own("http_requests_in_flight"), legend: "{{instance}}" }],
    },
  ],
};

const upstreams: Row = {
  title: "Clusters and endpoints",
  graphs: [
    {
      title: "Endpoints",
      unit: "short",
      description: "Of the worker that knows or trusts the fewest.",
      queries: [
        { expr: state("min", "cluster", "balance_endpoints", "clusters"), legend: "{{cluster}} known" },
        { expr: state("min", "cluster", "balance_healthy", "clusters"), legend: "{{cluster}} healthy" },
      ],
    },
    {
      title: "Endpoints ready",
      unit: "bool",
      description: "Whether an endpoint takes calls from every worker: healthy, not full, circuit closed.",
      queries: [{ expr: state("min", "cluster, endpoint", "endpoint_ready", "clusters"), legend: endpoint }],
    },
    {
      title: "Requests by endpoint",
      unit: "reqps",
      queries: [{ expr: callRate("cluster, upstream"), legend: "{{cluster}} {{upstream}}" }],
    },
    {
      title: "Circuits open",
      unit: "short",
      description: "Workers whose circuit to the endpoint is open.",
      queries: [
        {
          expr: state("sum", "cluster, endpoint", "circuit_breaker_phase", "clusters", ',state="open"'),
          legend: endpoint,
        },
      ],
    },
    {
      title: "Circuits opened, endpoints ejected",
      unit: "cps",
      queries: [
        { expr: events("cluster, endpoint", "circuit-breaker", "opened"), legend: `${endpoint} opened` },
        { expr: events("cluster", "outlier-detection", "ejected"), legend: "{{cluster}} ejected" },
      ],
    },
    {
      title: "Calls without an endpoint, and resent",
      unit: "cps",
      queries: [
        { expr: events("cluster", "balance", "refused"), legend: "{{cluster}} no endpoint ready" },
        { expr: events("cluster", "balance", "resent"), legend: "{{cluster}} resent" },
      ],
    },
    {
      title: "Retries and hedges",
      unit: "cps",
      queries: [
        { expr: events("listener, route, event", "retry", ".*"), legend: `${place} {{event}}` },
        { expr: events("listener, route", "hedge", "hedged"), legend: `${place} hedged` },
      ],
    },
    {
      title: "Retry budget left",
      unit: "short",
      description: "Retries that the worker with the fewest may still make.",
      queries: [{ expr: state("min", "listener, route", "retry_budget_left", "listeners"), legend: place }],
    },
    {
      title: "Timeouts",
      unit: "cps",
      queries: [
        {
          expr: events("listener, route, cluster, endpoint", "timeout", "timedOut"),
          legend: `${place} ${endpoint}`,
        },
      ],
    },
  ],
};

const limits: Row = {
  title: "Limits and pools",
  graphs: [
    {
      title: "Refused by limits",
      unit: "cps",
      queries: [
        {
          expr: events(
            "listener, route, cluster, endpoint, layer",
            "rate-limit|keyed-concurrency-limit|concurrency-limit|buffer|failfast",
            "refused|dropped",
          ),
          legend: `{{layer}} ${place} ${endpoint}`,
        },
      ],
    },
    {
      title: "Concurrency limits of listeners and routes",
      unit: "short",
      queries: [
        {
          expr: state("sum", "listener, route", "concurrency_limit_in_flight", "listeners"),
          legend: `${place} in flight`,
        },
        {
          expr: state("sum", "listener, route", "concurrency_limit_limit", "listeners"),
          legend: `${place} limit`,
        },
      ],
    },
    {
      title: "Concurrency limits of endpoints",
      unit: "short",
      queries: [
        {
          expr: state("sum", "cluster, endpoint", "concurrency_limit_in_flight", "clusters"),
          legend: `${endpoint} in flight`,
        },
        {
          expr: state("sum", "cluster, endpoint", "concurrency_limit_limit", "clusters"),
          legend: `${endpoint} limit`,
        },
      ],
    },
    {
      title: "Clients with a limit of their own",
      unit: "short",
      queries: [
        { expr: state("sum", "listener, route", "rate_limit_keys", "listeners"), legend: `${place} rate` },
        {
          expr: state("sum", "listener", "keyed_concurrency_limit_keys", "listeners"),
          legend: "{{listener}} concurrency",
        },
      ],
    },
    {
      title: "Queued calls",
      unit: "short",
      queries: [
        { expr: state("sum", "listener, route", "buffer_queued", "listeners"), legend: `${place} buffer` },
        {
          expr: state("sum", "cluster, endpoint", "transport_waiting", "clusters"),
          legend: `${endpoint} pool`,
        },
      ],
    },
    {
      title: "Responses from the cache",
      unit: "cps",
      queries: [{ expr: events("listener, route, event", "cache", ".*"), legend: `${place} {{event}}` }],
    },
    {
      title: "Connections to endpoints",
      unit: "short",
      queries: [
        {
          expr: state("sum", "cluster, endpoint", "transport_connections", "clusters"),
          legend: `${endpoint} open`,
        },
        { expr: state("sum", "cluster, endpoint", "transport_idle", "clusters"), legend: `${endpoint} idle` },
      ],
    },
    {
      title: "Connections of clients",
      unit: "short",
      queries: [{ expr: `sum by (listener) (${own("connections_active")})`, legend: "{{listener}}" }],
    },
    {
      title: "Client connections accepted and rejected, handshakes failed",
      unit: "cps",
      queries: [
        { expr: ownRate("listener, state", "connections_total"), legend: "{{listener}} {{state}}" },
        {
          expr: ownRate("listener, reason", "tls_handshakes_failed_total"),
          legend: "{{listener}} handshake failed: {{reason}}",
        },
      ],
    },
  ],
};

const proxy: Row = {
  title: "The proxy",
  graphs: [
    {
      title: "Event-loop delay, p99",
      unit: "s",
      queries: [{ expr: own("nodejs_eventloop_lag_p99_seconds"), legend: "{{instance}} {{worker}}" }],
    },
    {
      title: "CPU",
      unit: "percentunit",
      description: "Of one core.",
      queries: [{ expr: ownRate("instance", "process_cpu_seconds_total"), legend: "{{instance}}" }],
    },
    {
      title: "Memory",
      unit: "bytes",
      queries: [
        {
          expr: `sum by (instance) (${own("process_resident_memory_bytes")})`,
          legend: "{{instance}} resident",
        },
        { expr: `sum by (instance) (${own("nodejs_heap_size_used_bytes")})`, legend: "{{instance}} heap" },
      ],
    },
    {
      title: "Workers restarted",
      unit: "short",
      queries: [
        {
          expr: `sum by (instance, reason) (increase(${own("pagoda_worker_restarts_total")}[$__rate_interval]))`,
          legend: "{{instance}} {{reason}}",
        },
      ],
    },
    {
      title: "Workers that do not answer",
      unit: "s",
      queries: [{ expr: own("pagoda_worker_silent_seconds"), legend: "{{instance}} {{worker}}" }],
    },
    {
      title: "Reloads",
      unit: "short",
      queries: [
        {
          expr: `sum by (instance, result) (increase(${own("pagoda_reloads_total")}[$__rate_interval]))`,
          legend: "{{instance}} {{result}}",
        },
        {
          expr: own("pagoda_config_last_reload_successful"),
          legend: "{{instance}} last one successful",
        },
      ],
    },
    {
      title: "Certificates: time left",
      unit: "s",
      queries: [
        {
          expr: `${own("pagoda_certificate_not_after_timestamp_seconds")} - time()`,
          legend: "{{instance}} {{file}}",
        },
      ],
    },
    {
      title: "Bugs and lost log lines",
      unit: "cps",
      queries: [
        { expr: ownRate("listener", "http_defects_total"), legend: "{{listener}} answered with 500" },
        {
          expr: ownRate("instance", "pagoda_log_lines_dropped_total"),
          legend: "{{instance}} log lines dropped",
        },
      ],
    },
  ],
};

export const rows: readonly Row[] = [requests, upstreams, limits, proxy];
