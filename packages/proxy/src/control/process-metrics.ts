import { collectDefaultMetrics, type Registry } from "prom-client";

/**
 * Gauges named as counters, which `promtool check metrics` rejects. The gauges without `_total` have
 * the same numbers by type.
 */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** Registers the metrics of this process: CPU, memory, garbage collection, event-loop delay. */
export function processMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
}
