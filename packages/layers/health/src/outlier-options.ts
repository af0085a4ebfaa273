import { checkDuration, checkInteger, checkNumber, type Clock, type Json, systemClock } from "@pagoda/core";

/** An endpoint gets no calls for a while. */
export interface Ejection {
  /** One of few, fit for a metric's label. */
  readonly reason: "consecutive-failures" | "consecutive-gateway-failures" | "success-rate";
  /** Milliseconds for which it is ejected. */
  readonly forMs: number;
  /** How many times in a row it has been, this one included: what makes the time longer. */
  readonly times: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface OutlierObserver {
  readonly ejected?: (key: string, ejection: Ejection) => void;
  /** Its time is over, or its share is needed because others have gone. */
  readonly returned?: (key: string) => void;
  /** It is an outlier and stays, for as many are ejected as may be. */
  readonly spared?: (key: string, reason: Ejection["reason"]) => void;
}

export interface OutlierDetectionOptions {
  /** Failures in a row that eject an endpoint: a whole number of at least 1, or `Infinity`: never. Default 5. */
  readonly consecutiveFailures?: number;
  /**
   * Retryable failures in a row that do: for HTTP 502, 503, 504 and failures to connect. At least 1. Below
   * `consecutiveFailures` to be of use. Default `Infinity`: never, as in Envoy.
   */
  readonly consecutiveGatewayFailures?: number;
  /** How often success rates are compared: milliseconds, over 0, at most 2,147,483,647. Default 10,000. */
  readonly intervalMs?: number;
  /** The calls in an interval with which an endpoint's rate is compared: at least 1. Default 100. */
  readonly minCalls?: number;
  /** The endpoints with so many calls that a comparison takes: at least 1. Default 5. */
  readonly minEndpoints?: number;
  /**
   * How many standard deviations below the mean a rate must lie: over 0; `Infinity`: never. Of n endpoints one alone
   * cannot lie further off than the root of n - 1, so with 5 endpoints 2 is out of reach. Default 1.9.
   */
  readonly deviations?: number;
  /** How long the first ejection lasts, and by how much each further one in a row is longer: over 0. Default 30,000. */
  readonly ejectionMs?: number;
  /** The longest one: milliseconds, at most 2,147,483,647. Default 300,000, or `ejectionMs` if that is more. */
  readonly maxEjectionMs?: number;
  /** The share of the endpoints that may be ejected at once, 0 to 1; of two or more one may be, always. Default 0.1. */
  readonly maxEjectedRatio?: number;
  readonly observer?: OutlierObserver;
  readonly clock?: Clock;
}

/** The options with their defaults. */
export type OutlierSettings = Required<Omit<OutlierDetectionOptions, "observer">> &
  Pick<OutlierDetectionOptions, "observer">;

/** @throws RangeError when an option is out of range. */
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
    ...(observer && { observer }),
    clock,
  };
}

/** As descriptions have them: JSON knows no `Infinity`. */
export function outlierOptionsOf(settings: OutlierSettings): { readonly [name: string]: Json } {
  const { observer: _observer, clock: _clock, ...numbers } = settings;
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, value === Infinity ? "never" : value]),
  );
}
