import { AggregatorRegistry, type MetricObject, type Registry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";

/** What is told of workers alone: with the main process an average would hide how they are. */
const ofWorkers = /^nodejs_eventloop/;

/** The metrics of the main process and of all workers, as Prometheus reads them: counts are sums over them. */
export async function exposition(
  registry: Registry,
  workers: readonly (readonly MetricData[])[],
): Promise<{ readonly contentType: string; readonly text: string }> {
  const own = (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
  const main = own.filter(({ name }) => !ofWorkers.test(name));
  const all = [main, ...workers] as unknown as MetricObject[];
  const whole = AggregatorRegistry.aggregate(all as unknown as object[]);
  return { contentType: registry.contentType, text: await whole.metrics() };
}
