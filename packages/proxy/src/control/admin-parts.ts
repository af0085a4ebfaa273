import type { Clock } from "@pagoda/core";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ControlledListeners } from "./controlled-listeners.ts";
import type { Reloads } from "./reloads.ts";
import type { Secrets } from "./secrets.ts";
import type { Supervisor } from "./supervisor.ts";

export type Phase = "starting" | "serving" | "draining";

/** The parts of a proxy that the admin endpoint shows and controls. */
export interface AdminParts {
  readonly phase: () => Phase;
  readonly supervisor: Supervisor;
  readonly reloads: Reloads;
  readonly secrets: Secrets;
  readonly listeners: ControlledListeners;
  readonly registry: Registry;
  readonly log: Logger;
  readonly clock: Clock;
  /** The version of the program. */
  readonly version: string | undefined;
  /** Called when an operator requests a drain. */
  readonly drain: () => void;
}
