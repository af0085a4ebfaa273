import { Histogram, type MetricObjectWithValues, type MetricValue, type Registry } from "prom-client";
import { ReadCounter, ReadGauge } from "./read.ts";
import type { LocalResponses } from "./local-responses.ts";
import type { SeriesTable } from "./series-table.ts";

/** Metric names. */
export const names = {
  requests: "http_requests_total",
  duration: "http_request_duration_seconds",
  localResponses: "http_local_responses_total",
  inFlight: "http_requests_in_flight",
} as const;

/** Registers metrics whose values are read from the table on scrapes. */
export function register(
  registry: Registry,
  table: SeriesTable,
  local: LocalResponses,
  inFlight: () => number,
): void {
  new ReadCounter({
    name: names.requests,
    help: "HTTP requests, by method, status and upstream",
    registry,
    read() {
      table.beingRead();
      return table.all.map(({ labels, count }) => ({ labels: { ...labels }, value: count }));
    },
  });
  new SeriesHistogram(table, registry);
  new ReadCounter({
    name: names.localResponses,
    help: "HTTP requests that ended with a local error, by its tag",
    registry,
    read: () => local.all.map(({ labels, count }) => ({ labels: { ...labels }, value: count })),
  });
  new ReadGauge({
    name: names.inFlight,
    help: "HTTP requests in flight",
    registry,
    read: () => [{ labels: {}, value: inFlight() }],
  });
}

const duration = {
  name: names.duration,
  help: "Seconds from an HTTP request to the end of its response",
};

/** prom-client's histogram accepts single observations only; this one reads finished buckets. */
class SeriesHistogram extends Histogram {
  readonly #table: SeriesTable;

  constructor(table: SeriesTable, registry: Registry) {
    super({ ...duration, registers: [registry] });
    this.#table = table;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    const { name } = duration;
    this.#table.beingRead();
    const values = this.#table.all.flatMap(({ labels, sum, count, cumulative }) => [
      ...cumulative.map(([le, value]) => ({
        labels: { ...labels, le },
        value,
        metricName: `${name}_bucket`,
      })),
      { labels: { ...labels }, value: sum, metricName: `${name}_sum` },
      { labels: { ...labels }, value: count, metricName: `${name}_count` },
    ]);
    // In prom-client's types `type` is an enum; at run time it is this string.
    const type = "histogram" as unknown as MetricObjectWithValues<never>["type"];
    return { ...duration, type, aggregator: "sum", values, collect: () => {} };
  }

  /** Called by prom-client for its text format. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    return this.get();
  }
}
