import type { Fault } from "@pagoda/core";
import type { LevelWithSilent } from "pino";

/** How a call ended. What its line says beside this is looked up only if there is a line. */
export interface CallEnd {
  /**
   * - `complete`: the response has passed as a whole;
   * - `broken`: its body has not;
   * - `aborted`: the client went away first;
   * - `cutOff`: the server gave it up first, since draining took too long or nothing moved;
   * - `error`: an error came out that nobody had answered;
   * - `defect`: the call rejected.
   */
  readonly outcome: "complete" | "broken" | "aborted" | "cutOff" | "error" | "defect";
  /** Absent where there was no response. */
  readonly status: number | undefined;
  /** The error that ended the call, or for which the response stands. */
  readonly fault: Fault | undefined;
  /** Milliseconds from the call to its end. */
  readonly durationMs: number;
}

/**
 * The level of a call's line, as whoever is called at night would have it:
 *
 * - `error`: the upstream has failed, or the program: 5xx, an error of origin `upstream`, a defect;
 * - `warn`: this side refused the call or gave it up, an open circuit and a rate limit included, whatever the status;
 *   or the response broke off, or the server cut the call off;
 * - `info`: all the rest. What a client did wrong (4xx) is here, too: clients must not be able to raise an alarm. So is
 *   one that went away.
 */
export function levelOf({ outcome, status, fault }: CallEnd): LevelWithSilent {
  if (outcome === "aborted") return "info";
  if (outcome === "cutOff") return "warn";
  if (outcome === "defect") return "error";
  if (fault !== undefined) return fault.origin === "local" ? "warn" : "error";
  if (outcome === "error" || (status !== undefined && status >= 500)) return "error";
  return outcome === "broken" ? "warn" : "info";
}
