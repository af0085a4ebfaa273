import type { Json } from "./description.ts";
import type { Endpoint } from "./discovery.ts";
import type { Outcome } from "./outcome.ts";

/**
 * What says which endpoints are fit for calls: active checks, the ejection of outliers, an operator. A balancer takes
 * any number of sources, and an endpoint is healthy when all of them say so. Each balancer has sources of its own.
 */
export interface HealthSource<in E extends Endpoint = Endpoint> {
  /** As it stands in descriptions. */
  readonly name: string;
  /**
   * An endpoint has come.
   *
   * @param changed To be called after each change of the watch's `healthy`, and not before `watch` has returned.
   */
  watch(endpoint: E, changed: () => void): HealthWatch;
}

/** What a source knows of one endpoint. */
export interface HealthWatch {
  readonly healthy: boolean;
  /** Why it is not healthy, if that is known: `consecutive-failures`, `connection refused`. */
  readonly reason?: string | undefined;
  /** Learns from a call's outcome; for sources that do. Called once for each call that has ended, its body included. */
  readonly ended?: ((outcome: Outcome) => void) | undefined;
  /** How it stands, with the reason where it is not healthy. */
  state(): { readonly [name: string]: Json };
  /** The endpoint has gone: nothing is left running. */
  close(): void;
}
