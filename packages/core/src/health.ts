import type { Json } from "./description.ts";
import type { Endpoint } from "./discovery.ts";
import type { Outcome } from "./outcome.ts";

/**
 * Decides which endpoints are healthy: active checks, outlier ejection, an operator. A balancer
 * takes any number of sources, and an endpoint is healthy when all of them agree. Sources are not
 * shared between balancers.
 */
export interface HealthSource<in E extends Endpoint = Endpoint> {
  /** Its name in descriptions. */
  readonly name: string;
  /**
   * Starts to watch a new endpoint.
   *
   * @param changed Must be called after each change of the watch's `healthy` or `withdrawn`, but not
   * before `watch` has returned.
   */
  watch(endpoint: E, changed: () => void): HealthWatch;
}

/** What a source knows about one endpoint. */
export interface HealthWatch {
  readonly healthy: boolean;
  /**
   * Whether it gets no calls even if health is ignored: it was taken out on purpose, not found to
   * fail. Only with `healthy: false`. Default false.
   */
  readonly withdrawn?: boolean | undefined;
  /** Why it is unhealthy, if known: `consecutive-failures`, `connection refused`. */
  readonly reason?: string | undefined;
  /**
   * For sources that learn from outcomes. Called once for each call, when it has ended, its body
   * included.
   *
   * @param call The request, for observers.
   */
  readonly ended?: ((outcome: Outcome, call?: unknown) => void) | undefined;
  /** Returns the endpoint's state, with the reason if it is unhealthy. */
  state(): { readonly [name: string]: Json };
  /** Stops watching: the endpoint is gone. */
  close(): void;
}
