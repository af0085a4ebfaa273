import {
  checkDuration,
  checkInteger,
  checkNumber,
  type Clock,
  type Endpoint,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import type { Probe, ProbeFailed } from "./probe.ts";

/** The result of one check. */
export interface Check {
  readonly durationMs: number;
  /** Absent when the check passed. */
  readonly failure?: ProbeFailed | undefined;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface HealthCheckObserver {
  readonly checked?: (key: string, check: Check) => void;
  /**
   * The endpoint became healthy or unhealthy. Also called once for an endpoint that fails its first
   * conclusive check and so never got calls.
   *
   * @param reason The failure reported by the last check, if unhealthy.
   */
  readonly changed?: (key: string, healthy: boolean, reason: string | undefined) => void;
  /** The probe threw or rejected, which is a bug in it. The check failed. */
  readonly defect?: (key: string, defect: unknown) => void;
}

export interface HealthCheckOptions<in E extends Endpoint = Endpoint> {
  /** Checks one endpoint: `httpProbe`, `tcpProbe`, `grpcProbe`, or a function. */
  readonly probe: Probe<E>;
  /**
   * Time from the end of a check to the next one: milliseconds, over 0, at most 2,147,483,647.
   * Default 10,000.
   */
  readonly intervalMs?: number;
  /** Interval while an endpoint is unhealthy, or has not been checked yet. Default `intervalMs`. */
  readonly unhealthyIntervalMs?: number;
  /**
   * Time limit of a check, which fails on expiry: milliseconds, over 0, at most 2,147,483,647.
   * Default 1,000.
   */
  readonly timeoutMs?: number;
  /** Consecutive successes before an endpoint is healthy again: at least 1. Default 2. */
  readonly healthyThreshold?: number;
  /** Consecutive failures before an endpoint is unhealthy: at least 1. Default 3. */
  readonly unhealthyThreshold?: number;
  /**
   * Random variation of each interval, as a share of it in both directions, 0 to 1. Default 0.1.
   */
  readonly jitterRatio?: number;
  /** Whether an endpoint gets calls before its first check completes. Default false. */
  readonly initiallyHealthy?: boolean;
  readonly observer?: HealthCheckObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with defaults applied. */
export type CheckSettings<E extends Endpoint> = Required<Omit<HealthCheckOptions<E>, "observer">> &
  Pick<HealthCheckOptions<E>, "observer">;

/** @throws RangeError if an option is out of range. */
export function checkSettings<E extends Endpoint>(options: HealthCheckOptions<E>): CheckSettings<E> {
  const {
    probe,
    intervalMs = 10_000,
    unhealthyIntervalMs = intervalMs,
    timeoutMs = 1_000,
    healthyThreshold = 2,
    unhealthyThreshold = 3,
    jitterRatio = 0.1,
    initiallyHealthy = false,
    observer,
    clock = systemClock,
    random = systemRandom,
  } = options;
  checkDuration("healthCheck: intervalMs", intervalMs);
  checkDuration("healthCheck: unhealthyIntervalMs", unhealthyIntervalMs);
  checkDuration("healthCheck: timeoutMs", timeoutMs);
  checkInteger("healthCheck: healthyThreshold", healthyThreshold, { min: 1 });
  checkInteger("healthCheck: unhealthyThreshold", unhealthyThreshold, { min: 1 });
  checkNumber("healthCheck: jitterRatio", jitterRatio, { min: 0, max: 1 });
  return {
    probe,
    intervalMs,
    unhealthyIntervalMs,
    timeoutMs,
    healthyThreshold,
    unhealthyThreshold,
    jitterRatio,
    initiallyHealthy,
    ...(observer && { observer }),
    clock,
    random,
  };
}
