import type { Clock } from "@pagoda/core";
import { eventMetrics, type EventMetrics, metrics, type MetricsLayer } from "@pagoda/metrics";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

/**
 * Where layers report: events are counted as `stack_events_total`, and those of interest to an
 * operator are logged.
 */
export interface Telemetry {
  readonly events: EventMetrics;
  /** Counts the calls of all listeners. */
  readonly calls: MetricsLayer;
  readonly log: Logger;
}

export function telemetryOf(registry: Registry, log: Logger, clock: Clock): Telemetry {
  return { events: eventMetrics({ registry }), calls: metrics({ registry, routes: true, clock }), log };
}
