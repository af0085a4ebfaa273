import type { Discovery, Endpoint, HealthSource, HealthWatch } from "@pagoda/core";

export interface ReportedHealthOptions<E extends Endpoint> {
  /** The discovery of the balancer. */
  readonly discovery: Discovery<E>;
  /** Why an endpoint is unhealthy; `undefined` if it is healthy. */
  readonly reason: (endpoint: E) => string | undefined;
}

/**
 * Follows the health that a discovery reports for its endpoints: of a control plane, a registry. An
 * endpoint that is reported unhealthy gets no calls, but it stays, so that the balancer's panic
 * threshold applies.
 *
 * Cost: a pass over the endpoints for each change of the discovery; nothing per call.
 */
export function reportedHealth<E extends Endpoint>({
  discovery,
  reason,
}: ReportedHealthOptions<E>): HealthSource<E> {
  const watches = new Map<string, Set<ReportedWatch>>();
  let unsubscribe: (() => void) | undefined;

  const update = (): void => {
    for (const endpoint of discovery.endpoints)
      for (const watch of watches.get(endpoint.key) ?? []) watch.update(reason(endpoint));
  };

  return {
    name: "reported-health",
    watch(endpoint, changed) {
      unsubscribe ??= discovery.subscribe(update);
      const same = watches.get(endpoint.key) ?? new Set();
      watches.set(endpoint.key, same);
      const watch = new ReportedWatch(reason(endpoint), changed, () => {
        same.delete(watch);
        if (same.size === 0 && watches.get(endpoint.key) === same) watches.delete(endpoint.key);
        if (watches.size > 0) return;
        unsubscribe?.();
        unsubscribe = undefined;
      });
      same.add(watch);
      return watch;
    },
  };
}

class ReportedWatch implements HealthWatch {
  reason: string | undefined;
  readonly close: () => void;
  readonly #changed: () => void;

  constructor(reason: string | undefined, changed: () => void, close: () => void) {
    this.reason = reason;
    this.#changed = changed;
    this.close = close;
  }

  get healthy(): boolean {
    return this.reason === undefined;
  }

  update(reason: string | undefined): void {
    const was = this.healthy;
    this.reason = reason;
    if (this.healthy !== was) this.#changed();
  }

  state() {
    return this.reason === undefined ? {} : { reason: this.reason };
  }
}
