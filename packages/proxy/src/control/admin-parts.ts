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

/** Why no traffic should come here now; undefined if ready. */
export async function notReadyOf({
  phase,
  secrets,
  listeners,
  supervisor,
}: Pick<AdminParts, "phase" | "secrets" | "listeners" | "supervisor">): Promise<string | undefined> {
  const now = phase();
  if (now !== "serving") return now;
  return secrets.notReady ?? listeners.notReady ?? supervisor.notReady();
}
