import { AggregatorRegistry, type MetricObject, type Registry } from "prom-client";
import type { MetricData } from "../data-plane/types.ts";

/** What the main thread's own metrics do not tell: each worker has its own. */
const ofThreads = /^nodejs_(?:eventloop|gc|heap)/;

/** The metrics of the process and of all its threads, as Prometheus reads them: counts are sums over the threads. */
export async function exposition(
  registry: Registry,
  threads: readonly (readonly MetricData[])[],
): Promise<{ readonly contentType: string; readonly text: string }> {
  const own = (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
  const process = own.filter(({ name }) => !ofThreads.test(name));
  const all = [process, ...threads] as unknown as MetricObject[];
  const whole = AggregatorRegistry.aggregate(all as unknown as object[]);
  return { contentType: registry.contentType, text: await whole.metrics() };
}
