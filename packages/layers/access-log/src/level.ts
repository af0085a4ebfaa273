import type { Fault } from "@pagoda/core";
import type { LevelWithSilent } from "pino";

/** How a call ended. Everything else is looked up only if a line is written. */
export interface CallEnd {
  /**
   * - `complete`: the response was passed on completely
   * - `broken`: the response body was cut short
   * - `aborted`: the client disconnected first
   * - `cutOff`: the server gave up first, on a drain timeout or a stalled connection
   * - `error`: an error left the stack that no layer had turned into a response
   * - `defect`: the call rejected
   */
  readonly outcome: "complete" | "broken" | "aborted" | "cutOff" | "error" | "defect";
  /** `undefined` if there was no response. */
  readonly status: number | undefined;
  /** The error that ended the call, or that the response was made from. */
  readonly fault: Fault | undefined;
  /** Milliseconds from the start of the call to its end. */
  readonly durationMs: number;
}

/**
 * Returns the default level of a call's line, chosen for the engineer on call:
 *
 * - `error`: the upstream or the program failed: 5xx, an error of origin `upstream`, a defect
 * - `warn`: this side refused or gave up, whatever the status (open circuit, rate limit, a call
 *   that was cut off), or the response body broke
 * - `info`: everything else, including 4xx and clients that disconnected: clients must not be able
 *   to trigger alerts
 */
export function levelOf({ outcome, status, fault }: CallEnd): LevelWithSilent {
  if (outcome === "aborted") return "info";
  if (outcome === "cutOff") return "warn";
  if (outcome === "defect") return "error";
  if (fault !== undefined) return fault.origin === "local" ? "warn" : "error";
  if (outcome === "error" || (status !== undefined && status >= 500)) return "error";
  return outcome === "broken" ? "warn" : "info";
}
