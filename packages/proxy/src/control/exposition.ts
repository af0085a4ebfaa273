import { AggregatorRegistry, type Registry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";

/** The metrics of a process: `main`, or a worker by its number; `undefined`: of workers that have died. */
export interface ProcessMetrics {
  readonly process: string | undefined;
  readonly metrics: readonly MetricData[];
}

/**
 * The metrics of the main process and of all workers, as Prometheus reads them. Counts are sums over them, and so is what
 * is under way; what has no sum, such as an age, a share or a delay, has the label `worker`.
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
