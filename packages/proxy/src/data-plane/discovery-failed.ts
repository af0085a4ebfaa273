import type { Fault } from "@pagoda/core";
import type { Logger } from "pino";

/** Logs that discovery failed, and what is used in its place. */
export function discoveryFailed(
  log: Logger,
  fault: Fault & { readonly partial?: true },
  known: number,
): void {
  if (fault.partial) log.warn({ fault, known }, "invalid endpoints left out");
  else if (known === 0) log.warn({ fault, known }, "endpoint discovery failed; no endpoint is known");
  else log.warn({ fault, known }, "endpoint discovery failed; keeping the last known endpoints");
}
