import type { PolicyRegistry } from "../policies/registry.ts";
import type { CentralEndpoints } from "./central-endpoints.ts";
import type { EjectedEndpoints } from "./ejected-endpoints.ts";
import type { States } from "../policies/states.ts";
import type { Network, TimeAndChance } from "./system.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Tracing } from "./tracing.ts";

/** What clusters need besides their configuration. */
export interface ClusterContext extends Telemetry, TimeAndChance {
  /** Files that the configuration refers to, by the paths in it. */
  readonly files: ReadonlyMap<string, string>;
  /** Creates a span for each try; undefined without `tracing` in the configuration. */
  readonly tracing: Tracing | undefined;
  readonly policies: PolicyRegistry;
  readonly states: States;
  /** Endpoints that the main process discovers. */
  readonly central: CentralEndpoints;
  /** Endpoints that an operator has ejected. */
  readonly ejected: EjectedEndpoints;
  readonly network: Network;
}
