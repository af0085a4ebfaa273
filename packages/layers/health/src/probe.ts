import { type Either, type Endpoint, type Fault, left, right } from "@pagoda/core";

/** A probe found an endpoint unhealthy, or could not check it. */
export interface ProbeFailed extends Fault<"ProbeFailed"> {
  /** What was found, for people. */
  readonly reason: string;
}

export type ProbeResult = Either<ProbeFailed, void>;

/** Checks one endpoint. One instance per `healthCheck`. */
export interface Probe<in E extends Endpoint = Endpoint> {
  /**
   * `Left` of origin `upstream`: the endpoint is unhealthy. `Left` of origin `local`: it could not
   * be checked, which counts neither way.
   *
   * @param signal Aborted when the time limit is reached or the endpoint is removed. No other probe
   * of the endpoint starts before this one settles, so a probe that ignores the signal makes its
   * endpoint unhealthy.
   */
  (endpoint: E, signal: AbortSignal): Promise<ProbeResult>;
  /** Called when the endpoint is removed: frees what is kept for it, such as a connection. */
  readonly gone?: ((endpoint: E) => void) | undefined;
}

/** The result of a probe that found its endpoint healthy. */
export const probeSucceeded: ProbeResult = right(undefined);

/** The result of a probe that found its endpoint unhealthy. */
export function probeFailed(reason: string, cause?: unknown): ProbeResult {
  return left({ _tag: "ProbeFailed", origin: "upstream", retryable: true, reason, cause });
}

/** The result of a probe that was refused or given up on this side. Counts neither way. */
export function probeInconclusive(reason: string, cause?: unknown): ProbeResult {
  return left({ _tag: "ProbeFailed", origin: "local", retryable: true, reason, cause });
}
