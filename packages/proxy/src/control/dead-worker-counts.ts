import { AggregatorRegistry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";
import type { WorkerProcess } from "./worker-process.ts";

type Values = MetricData["values"];

/**
 * Keeps the counters of dead workers, as last reported. Without them sums would decrease, which
 * Prometheus takes for a counter reset.
 */
export class DeadWorkerCounts {
  readonly #last = new WeakMap<WorkerProcess, readonly MetricData[]>();
  #sum: readonly MetricData[] = [];

  get sum(): readonly MetricData[] {
    return this.#sum;
  }

  /** The counters in the worker's last report. */
  last(worker: WorkerProcess): readonly MetricData[] {
    return this.#last.get(worker) ?? [];
  }

  /** Records a report of a worker. */
  saw(worker: WorkerProcess, metrics: readonly MetricData[]): void {
    this.#last.set(worker, metrics);
  }

  /**
   * Drops the series of endpoints that no worker has any longer, which would otherwise stay forever.
   *
   * @param live Current metrics of the live workers.
   */
  forgetGone(live: readonly (readonly MetricData[])[]): void {
    if (this.#sum.length === 0) return;
    const endpoints = new Set<unknown>();
    for (const metrics of live)
      for (const { values } of metrics)
        for (const { labels } of values)
          if (labels["endpoint"] !== undefined) endpoints.add(labels["endpoint"]);
    // Workers that do not answer report no endpoints.
    if (endpoints.size === 0) return;
    const isThere = ({ labels: { endpoint, upstream } }: Values[number]): boolean =>
      (endpoint === undefined || endpoints.has(endpoint)) &&
      (upstream === undefined || upstream === "none" || upstream === "other" || endpoints.has(upstream));
    this.#sum = this.#sum.map((metric) =>
      Object.assign({}, metric, { values: metric.values.filter(isThere) }),
    );
  }

  async died(worker: WorkerProcess): Promise<void> {
    const counts = this.#last.get(worker)?.filter(({ type }) => type === "counter" || type === "histogram");
    if (counts === undefined) return;
    const both = AggregatorRegistry.aggregate([[...this.#sum], counts] as unknown as object[]);
    this.#sum = (await both.getMetricsAsJSON()) as unknown as readonly MetricData[];
  }
}
