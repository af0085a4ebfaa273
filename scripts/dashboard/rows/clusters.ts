import { callRate, events, state } from "../queries.ts";
import type { Row } from "../row.ts";

const endpoint = "{{cluster}} {{endpoint}}";
const place = "{{listener}} {{route}}";

export const upstreams: Row = {
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
