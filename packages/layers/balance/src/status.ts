import type { Json } from "@pagoda/core";

/** Status of a balancer. */
export interface BalancerStatus {
  /** The name of the strategy. */
  readonly strategy: string;
  /** Too few endpoints are healthy, so health is ignored. */
  readonly panicking: boolean;
  readonly endpoints: readonly EndpointStatus[];
}

/** Status of an endpoint. */
export interface EndpointStatus {
  readonly key: string;
  readonly healthy: boolean;
  /** Whether a call made now would be admitted. */
  readonly ready: boolean;
  /** Calls in flight. */
  readonly pending: number;
  /** Fraction of its share of the calls that it gets: below 1 during slow start. */
  readonly share: number;
  /** Expected latency of a call in milliseconds, if the strategy estimates it. */
  readonly estimateMs: number | undefined;
  /** Status of each health source. */
  readonly health: readonly SourceStatus[];
}

/** What a health source reports about an endpoint. */
export interface SourceStatus {
  readonly source: string;
  readonly healthy: boolean;
  /** Why it is unhealthy, if the source knows. */
  readonly reason: string | undefined;
  readonly state: { readonly [name: string]: Json };
}
