import { checkDuration, checkInteger, checkNumber, type Clock, type Json, systemClock } from "@pagoda/core";
import type { Ejection, OutlierEjections } from "./ejections.ts";

/** Receives events, for metrics and logs. Must not throw. */
export interface OutlierObserver {
  /**
   * An endpoint was ejected.
   *
   * @param call The call whose failure led to it; undefined if its success rate did.
   */
  readonly ejected?: (key: string, ejection: Ejection, call?: unknown) => void;
  /** The ejection is over, or was ended early because other endpoints were removed. */
  readonly returned?: (key: string) => void;
  /** An outlier was not ejected because `maxEjectedRatio` is reached. */
  readonly overflowed?: (key: string, reason: Ejection["reason"]) => void;
}

export interface OutlierDetectionOptions {
  /**
   * Consecutive failures that eject an endpoint: an integer of at least 1, or `Infinity` for never.
   * Default 5.
   */
  readonly consecutiveFailures?: number;
  /**
   * Consecutive retryable failures that eject an endpoint: for HTTP 502, 503, 504 and failed
   * connects. At least 1. Only useful below `consecutiveFailures`. Default `Infinity`: never, as in
   * Envoy.
   */
  readonly consecutiveGatewayFailures?: number;
  /**
   * How often success rates are compared: milliseconds, over 0, at most 2,147,483,647. Default
   * 10,000.
   */
  readonly intervalMs?: number;
  /**
   * Calls in an interval before an endpoint's success rate is compared: at least 1. Default 100.
   */
  readonly minCalls?: number;
  /** Endpoints with `minCalls` required for a comparison: at least 1. Default 5. */
  readonly minEndpoints?: number;
  /**
   * Standard deviations below the mean success rate that make an outlier: over 0, `Infinity` for
   * never. Among n endpoints a single one cannot lie further off than √(n − 1), so with 5 endpoints
   * 2 is out of reach. Default 1.9.
   */
  readonly deviations?: number;
  /**
   * Duration of the first ejection, and increase with each consecutive one: milliseconds, over 0.
   * Default 30,000.
   */
  readonly ejectionMs?: number;
  /**
   * Longest ejection: milliseconds, at most 2,147,483,647. Default 300,000, or `ejectionMs` if that
   * is more.
   */
  readonly maxEjectionMs?: number;
  /**
   * Share of endpoints ejected at once, 0 to 1; with two or more endpoints, one may always be.
   * Default 0.1.
   */
  readonly maxEjectedRatio?: number;
  /**
   * Keeps ejections across detections: a new one starts with those of the previous one. Default:
   * none.
   */
  readonly ejections?: OutlierEjections;
  readonly observer?: OutlierObserver;
  readonly clock?: Clock;
}

/** Options with defaults applied. */
export type OutlierSettings = Required<Omit<OutlierDetectionOptions, "observer" | "ejections">> &
  Pick<OutlierDetectionOptions, "observer" | "ejections">;

/** @throws RangeError if an option is out of range. */
export function outlierSettings(options: OutlierDetectionOptions): OutlierSettings {
  const {
    consecutiveFailures = 5,
    consecutiveGatewayFailures = Infinity,
    intervalMs = 10_000,
    minCalls = 100,
    minEndpoints = 5,
    deviations = 1.9,
    ejectionMs = 30_000,
    maxEjectionMs = Math.max(ejectionMs, 300_000),
    maxEjectedRatio = 0.1,
    ejections,
    observer,
    clock = systemClock,
  } = options;
  checkInteger("outlierDetection: consecutiveFailures", consecutiveFailures, { min: 1, max: Infinity });
  checkInteger("outlierDetection: consecutiveGatewayFailures", consecutiveGatewayFailures, {
    min: 1,
    max: Infinity,
  });
  checkDuration("outlierDetection: intervalMs", intervalMs);
  checkInteger("outlierDetection: minCalls", minCalls, { min: 1 });
  checkInteger("outlierDetection: minEndpoints", minEndpoints, { min: 1 });
  checkNumber("outlierDetection: deviations", deviations, { above: 0, max: Infinity });
  checkDuration("outlierDetection: ejectionMs", ejectionMs);
  checkDuration("outlierDetection: maxEjectionMs", maxEjectionMs, { min: { ejectionMs } });
  checkNumber("outlierDetection: maxEjectedRatio", maxEjectedRatio, { min: 0, max: 1 });
  return {
    consecutiveFailures,
    consecutiveGatewayFailures,
    intervalMs,
    minCalls,
    minEndpoints,
    deviations,
    ejectionMs,
    maxEjectionMs,
    maxEjectedRatio,
    ...(ejections && { ejections }),
    ...(observer && { observer }),
    clock,
  };
}

/** The options for a description. JSON has no `Infinity`. */
export function outlierOptionsOf(settings: OutlierSettings): { readonly [name: string]: Json } {
  const { observer: _observer, clock: _clock, ejections: _ejections, ...numbers } = settings;
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, value === Infinity ? "never" : value]),
  );
}
