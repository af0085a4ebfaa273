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

/** A check has ended. */
export interface Check {
  readonly durationMs: number;
  /** Why the endpoint was not found well; absent when it was. */
  readonly failure?: ProbeFailed | undefined;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface HealthCheckObserver {
  readonly checked?: (key: string, check: Check) => void;
  /**
   * Also, and once, of an endpoint that fails the first check that says something, and so gets no calls.
   *
   * @param reason What the last check said, where it is unhealthy.
   */
  readonly changed?: (key: string, healthy: boolean, reason: string | undefined) => void;
  /** A mistake in the probe: it threw or rejected. The check has failed. */
  readonly defect?: (key: string, defect: unknown) => void;
}

export interface HealthCheckOptions<in E extends Endpoint = Endpoint> {
  /** How an endpoint is tried out: `httpProbe`, `tcpProbe`, `grpcProbe`, or a function of one's own. */
  readonly probe: Probe<E>;
  /** From the end of a check to the next one: milliseconds, over 0, at most 2,147,483,647. Default 10,000. */
  readonly intervalMs?: number;
  /** The same while an endpoint is not healthy, its beginning included. Default `intervalMs`. */
  readonly unhealthyIntervalMs?: number;
  /** What has no result by then has failed: milliseconds, over 0, at most 2,147,483,647. Default 1,000. */
  readonly timeoutMs?: number;
  /** Successes in a row that make an endpoint healthy again: at least 1. Default 2. */
  readonly healthyThreshold?: number;
  /** Failures in a row that make an endpoint unhealthy: at least 1. Default 3. */
  readonly unhealthyThreshold?: number;
  /** An interval is longer or shorter by up to this share, at random, 0 to 1. Default 0.1. */
  readonly jitterRatio?: number;
  /** Whether an endpoint gets calls before its first check has ended. Default false. */
  readonly initiallyHealthy?: boolean;
  readonly observer?: HealthCheckObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The options with their defaults. */
export type CheckSettings<E extends Endpoint> = Required<Omit<HealthCheckOptions<E>, "observer">> &
  Pick<HealthCheckOptions<E>, "observer">;

/** @throws RangeError when an option is out of range. */
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
