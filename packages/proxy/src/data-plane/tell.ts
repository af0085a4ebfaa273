import { eventMetrics, type EventMetrics, metrics, type MetricsLayer } from "@pagoda/metrics";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

/** How layers tell what happens: counted as `stack_events_total`, and logged where an operator wants to know. */
export interface Tell {
  readonly events: EventMetrics;
  /** Counts the calls of all listeners. */
  readonly calls: MetricsLayer;
  readonly log: Logger;
}

export function teller(registry: Registry, log: Logger): Tell {
  return { events: eventMetrics({ registry }), calls: metrics({ registry, routes: true }), log };
}
