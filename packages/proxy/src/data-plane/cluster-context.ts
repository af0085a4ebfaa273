import type { States } from "../policies/states.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Tracing } from "./tracing.ts";

/** What clusters need beside their configuration. */
export interface ClusterContext extends Telemetry {
  /** Files that the configuration names, by the paths there. */
  readonly files: ReadonlyMap<string, string>;
  /** For a span of each try; undefined without `tracing` in the configuration. */
  readonly tracing: Tracing | undefined;
  readonly states: States;
}
