import type { Endpoint, Fault } from "@pagoda/core";
import { type Either, left, right } from "fp-ts/lib/Either.js";

/** A probe has not found an endpoint well. */
export interface ProbeFailed extends Fault<"ProbeFailed"> {
  /** For people: what was found instead. */
  readonly reason: string;
}

export type ProbeResult = Either<ProbeFailed, void>;

/** Tries out one endpoint. One for each `healthCheck`. */
export interface Probe<in E extends Endpoint = Endpoint> {
  /**
   * `Left`: not well, of origin `upstream`; of origin `local`: it could not be tried out, which says nothing.
   *
   * @param signal Aborted when the time is over, or the endpoint has gone. Until the probe has settled no other is
   * begun, so one that does not heed the signal leaves its endpoint unchecked, and unhealthy.
   */
  (endpoint: E, signal: AbortSignal): Promise<ProbeResult>;
  /** The endpoint has gone: frees what is kept for it, such as a connection. */
  readonly gone?: ((endpoint: E) => void) | undefined;
}

/** The result of a probe that has found its endpoint well. */
export const wellProbed: ProbeResult = right(undefined);

/** The result of a probe that has not. */
export function illProbed(reason: string, cause?: unknown): ProbeResult {
  return left({ _tag: "ProbeFailed", origin: "upstream", retryable: true, reason, cause });
}

/** The result of a probe that this side has refused or given up. */
export function unprobed(reason: string, cause?: unknown): ProbeResult {
  return left({ _tag: "ProbeFailed", origin: "local", retryable: true, reason, cause });
}
