import { callRate, dimensions, duration, failedShare, own, ownRate } from "../queries.ts";
import type { Graph, Row } from "../row.ts";

export const requests: Row = {
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
