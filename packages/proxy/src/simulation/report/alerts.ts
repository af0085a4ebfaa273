import { stringify } from "yaml";
import type { Bound } from "../scenario/bound.ts";
import type { Expected } from "../scenario/schema.ts";

const all = "sum by (job) (rate(http_requests_total[5m]))";

/** A share of all requests, which is 0 if nothing is counted. */
function share(counted: string): string {
  return `(sum by (job) (rate(${counted}[5m])) or 0 * ${all}) / ${all}`;
}

function latency(quantile: number): string {
  return `histogram_quantile(${quantile}, sum by (job, le) (rate(http_request_duration_seconds_bucket[5m])))`;
}

interface Rule {
  readonly field: keyof Expected;
  readonly alert: string;
  /** What is measured, in the unit of metrics. */
  readonly expr: string;
  /** The factor from the unit of the bound to that of the metrics. */
  readonly unit: number;
  /** A function of Prometheus that formats it. */
  readonly format: string;
}

const rules: readonly Rule[] = [
  {
    field: "success",
    alert: "PagodaExpectedSuccess",
    // Other client errors say nothing about the proxy or its origins.
    expr: `1 - ${share('http_requests_total{status=~"5..|429|error"}')}`,
    unit: 1,
    format: "humanizePercentage",
  },
  ...(
    [
      ["p50", 0.5],
      ["p90", 0.9],
      ["p99", 0.99],
      ["p999", 0.999],
    ] as const
  ).map(([field, quantile]) => ({
    field,
    alert: `PagodaExpected${field.toUpperCase()}`,
    expr: latency(quantile),
    unit: 0.001,
    format: "humanizeDuration",
  })),
  {
    field: "amplification",
    alert: "PagodaExpectedAmplification",
    expr: `1 + ${share('stack_events_total{layer=~"retry|hedge|balance",event=~"retried|hedged|resent"}')}`,
    unit: 1,
    format: "humanize",
  },
];

/** What is wrong when a bound does not hold. */
const opposite: Readonly<Record<Bound["sign"], string>> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" };

/** Requests per second below which shares and quantiles are chance. */
const leastRate = 0.1;

/**
 * Returns alerts of Prometheus for what a scenario expects, as a file of rules: each fires when the
 * proxies of a job have broken an expectation for five minutes, over all of their requests.
 */
export function alertRules(expected: Expected): string {
  const alerts = rules.flatMap(({ field, alert, expr, unit, format }) => {
    const bound = expected[field];
    if (bound === undefined) return [];
    const { sign, text, value } = bound;
    const limit = Number((value * unit).toPrecision(12));
    return [
      {
        alert,
        expr: `${expr} ${opposite[sign]} ${limit}\nand ${all} > ${leastRate}\n`,
        for: "5m",
        labels: { severity: "warning" },
        annotations: {
          summary: `${field} of {{ $labels.job }} must be ${text}, as in the scenario, and is {{ $value | ${format} }}`,
          runbook_url: "https://github.com/pagoda-ts/pagoda/blob/main/docs/guides/simulate.md#alerts",
        },
      },
    ];
  });
  return stringify({ groups: [{ name: "pagoda-expected", rules: alerts }] }, { lineWidth: 0 });
}
