import {
  checkInteger,
  checkNumber,
  type Classifier,
  type Clock,
  type Discovery,
  type Endpoint,
  type Fault,
  type HealthSource,
  type Service,
} from "@pagoda/core";
import type { EndpointHistory } from "./history.ts";
import type { SlowStart } from "./slow-start.ts";
import type { Strategy } from "./strategy.ts";

/** No endpoint could take the call: there are none, none is healthy, or none is ready. */
export interface NoEndpointReady extends Fault<"NoEndpointReady"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Number of endpoints. */
  readonly endpoints: number;
  /** Number of endpoints eligible for calls: the healthy ones, or all in a panic. */
  readonly usable: number;
  /** Key of one of them, in turn, that was asked for its reason. */
  readonly endpoint?: string | undefined;
  /** Its reason: the tag of a fault, such as `CircuitOpen`. */
  readonly reason?: string | undefined;
}

/** A call is resent to another endpoint. */
export interface Resent {
  /** Key of the endpoint that has not processed it. */
  readonly from: string;
  readonly to: string;
  /** Why it was not processed. */
  readonly fault: Fault;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface BalanceObserver<in Req = unknown> {
  /** An endpoint was added. */
  readonly added?: (key: string) => void;
  /**
   * `connect` threw for a new endpoint. It gets no calls, and is tried again at the next change.
   */
  readonly connectFailed?: (key: string, cause: unknown) => void;
  /** An endpoint was removed; calls in flight continue. */
  readonly removed?: (key: string) => void;
  readonly healthChanged?: (key: string, healthy: boolean) => void;
  /** A panic started (`true`), as too few endpoints are healthy and health is ignored, or ended. */
  readonly panicked?: (panic: boolean) => void;
  /** A call that was never processed is resent to another endpoint. */
  readonly resent?: (event: Resent, request: Req) => void;
  /** A call was refused because no endpoint could take it. */
  readonly refused?: (fault: NoEndpointReady, request: Req) => void;
}

/** Options of {@link balance}. */
export interface BalanceOptions<E extends Endpoint, Req, Res, Err> {
  readonly discovery: Discovery<E>;
  /**
   * Makes the service, or whole stack, for an endpoint. Called once per endpoint. Functions passed
   * to `atEnd` run when the endpoint has been removed and its last call has ended, for example to
   * close connections.
   */
  readonly connect: (endpoint: E, atEnd: (run: () => void) => void) => Service<Req, Res, Err>;
  /** Default: round robin. */
  readonly strategy?: Strategy<Req>;
  /**
   * An endpoint gets calls only while all of these consider it healthy. Default: none, so all are
   * healthy.
   */
  readonly health?: readonly HealthSource<E>[];
  /**
   * Health is ignored if a smaller fraction of endpoints is healthy: 0 to 1. Default 0.5, as in
   * Envoy.
   */
  readonly panicThreshold?: number;
  /**
   * How often a call that was never processed is resent to another endpoint: an integer from 0 to
   * 100. Default 3.
   */
  readonly maxResends?: number;
  /** Default: new endpoints get their full share at once. */
  readonly slowStart?: SlowStart;
  /**
   * Keeps across balancers what is known of their endpoints: the strategy's measurements, and how
   * far slow start has come. Default: none.
   */
  readonly history?: EndpointHistory;
  /**
   * How results count for strategies and health sources that learn from them. Default:
   * `defaultClassifier()`.
   */
  readonly classifier?: Classifier;
  readonly observer?: BalanceObserver<Req>;
  readonly clock?: Clock;
}

/**
 * Enough to find an endpoint that is up unless nearly all are down, and few enough to give up soon.
 */
export const defaultResends = 3;

/** @throws RangeError when an option is out of range. */
export function checkRanges(
  panicThreshold: number,
  maxResends: number,
  slowStart: SlowStart | undefined,
): void {
  checkInteger("balance: maxResends", maxResends, { min: 0, max: 100 });
  checkNumber("balance: panicThreshold", panicThreshold, { min: 0, max: 1 });
  if (slowStart === undefined) return;
  const { ms, least = 0.1 } = slowStart;
  checkNumber("balance: slowStart.ms", ms, { above: 0 });
  checkNumber("balance: slowStart.least", least, { above: 0, max: 1 });
}
