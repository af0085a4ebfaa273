import type { Json } from "@pagoda/core";

/** How a balancer stands. */
export interface BalancerStatus {
  /** The name of the strategy. */
  readonly strategy: string;
  /** Too few endpoints are healthy, so health is ignored. */
  readonly panicking: boolean;
  readonly endpoints: readonly EndpointStatus[];
}

/** How an endpoint of a balancer stands. */
export interface EndpointStatus {
  readonly key: string;
  readonly healthy: boolean;
  /** Whether a call made now would be admitted. */
  readonly ready: boolean;
  /** Calls under way. */
  readonly pending: number;
  /** How much of its share of the calls it gets: below 1 while it starts slowly. */
  readonly share: number;
  /** How long a call is expected to take, in milliseconds, if the strategy estimates that. */
  readonly estimateMs: number | undefined;
  /** What each health source says of it. */
  readonly health: readonly SourceStatus[];
}

export interface SourceStatus {
  readonly source: string;
  readonly healthy: boolean;
  /** Why not, if the source knows. */
  readonly reason: string | undefined;
  readonly state: { readonly [name: string]: Json };
}
