import { events, own, ownRate, state } from "../queries.ts";
import type { Row } from "../row.ts";

const endpoint = "{{cluster}} {{endpoint}}";
const place = "{{listener}} {{route}}";

export const limits: Row = {
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
      title: "Commands to limit stores",
      unit: "cps",
      queries: [
        {
          expr: ownRate("store, result", "pagoda_store_commands_total"),
          legend: "{{store}} {{result}}",
        },
      ],
    },
    {
      title: "Decisions awaited from limit stores",
      unit: "percentunit",
      description: "Share of the decisions that no lease covered, so that the call waited for the store.",
      queries: [
        {
          expr: `${ownRate("store", "pagoda_store_wait_seconds_count")} / ${ownRate("store", "pagoda_store_decisions_total")}`,
          legend: "{{store}}",
        },
      ],
    },
    {
      title: "Limit stores unreachable",
      unit: "bool",
      description: "Whether a proxy decides limits by itself, because the store does not answer.",
      queries: [{ expr: own("pagoda_store_local"), legend: "{{instance}} {{store}}" }],
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
