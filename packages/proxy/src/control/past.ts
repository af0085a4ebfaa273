import { AggregatorRegistry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";
import type { WorkerProcess } from "./worker-process.ts";

/**
 * What workers had counted that have died: as far as anybody had asked. Without it sums would go down, which readers of
 * counters take for a new beginning.
 */
export class PastCounts {
  readonly #last = new WeakMap<WorkerProcess, readonly MetricData[]>();
  #sum: readonly MetricData[] = [];

  get sum(): readonly MetricData[] {
    return this.#sum;
  }

  /** What a worker has counted so far. */
  saw(worker: WorkerProcess, metrics: readonly MetricData[]): void {
    this.#last.set(worker, metrics);
  }

  async died(worker: WorkerProcess): Promise<void> {
    const counts = this.#last.get(worker)?.filter(({ type }) => type === "counter" || type === "histogram");
    if (counts === undefined) return;
    const both = AggregatorRegistry.aggregate([[...this.#sum], counts] as unknown as object[]);
    this.#sum = (await both.getMetricsAsJSON()) as unknown as readonly MetricData[];
  }
}
