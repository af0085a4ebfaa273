import type { Tracer } from "@opentelemetry/api";
import type { States } from "../policies/states.ts";
import type { Telemetry } from "./telemetry.ts";

/** What clusters need beside their configuration. */
export interface ClusterContext extends Telemetry {
  /** Files that the configuration names, by the paths there. */
  readonly files: ReadonlyMap<string, string>;
  /** Begins a span for each try; `undefined`: there are none. */
  readonly tracer: Tracer | undefined;
  readonly states: States;
}
