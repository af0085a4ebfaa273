import type { Clock } from "@pagoda/core";
import { eventMetrics, type EventMetrics, metrics, type MetricsLayer } from "@pagoda/metrics";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type LayerDurations, layerDurations } from "../policies/layer-durations.ts";

/**
 * Where layers report: events are counted as `stack_events_total`, and those of interest to an
 * operator are logged.
 */
export interface Telemetry {
  readonly events: EventMetrics;
  /** How long layers wait for other services. */
  readonly durations: LayerDurations;
  /** Counts the calls of all listeners. */
  readonly calls: MetricsLayer;
  readonly log: Logger;
}

export function telemetryOf(registry: Registry, log: Logger, clock: Clock): Telemetry {
  return {
    events: eventMetrics({ registry }),
    durations: layerDurations(registry),
    calls: metrics({ registry, routes: true, clock }),
    log,
  };
}
