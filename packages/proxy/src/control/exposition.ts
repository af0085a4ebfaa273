import { AggregatorRegistry, type Registry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";

/** The metrics of a process: `main`, or a worker by its number; undefined for dead workers. */
export interface ProcessMetrics {
  readonly process: string | undefined;
  readonly metrics: readonly MetricData[];
}

/**
 * Merges the metrics of the main process and all workers for Prometheus. Counters and in-flight
 * gauges are summed. Values without a sum, such as an age, a ratio or a delay, get the label
 * `worker`.
 */
export async function exposition(
  registry: Registry,
  workers: readonly ProcessMetrics[],
): Promise<{ readonly contentType: string; readonly text: string }> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
  const all = [{ process: "main", metrics }, ...workers].map(labelled);
  const whole = AggregatorRegistry.aggregate(all as unknown as object[]);
  return { contentType: registry.contentType, text: await whole.metrics() };
}

function labelled({ process, metrics }: ProcessMetrics): readonly MetricData[] {
  if (process === undefined) return metrics;
  return metrics.map((metric) =>
    metric.type === "gauge" && metric.aggregator !== "sum" && metric.aggregator !== "omit"
      ? Object.assign({}, metric, {
          values: metric.values.map((one) =>
            Object.assign({}, one, { labels: { ...one.labels, worker: process } }),
          ),
        })
      : metric,
  );
}
