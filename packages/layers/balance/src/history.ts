import type { Load } from "./strategy.ts";

/** What is known of an endpoint. */
export class EndpointRecord {
  /** When its slow start began, by the clock's `now()`; `-Infinity`: it had its full share at once. */
  beganMs = -Infinity;
  /** Found healthy, and not unhealthy since. */
  wasHealthy = false;
  /** Members that use it. */
  holders = 0;
  #strategy = "";
  #load: Load | undefined;

  /** Returns the measurements of the same strategy; another one starts afresh. */
  loadFor(strategy: string, make: () => Load): Load {
    if (this.#strategy !== strategy || this.#load === undefined) this.#load = make();
    this.#strategy = strategy;
    return this.#load;
  }
}

/**
 * What several balancers know of their endpoints, by key, for as long as one of them has the
 * endpoint. Created by {@link endpointHistory}.
 */
export class EndpointHistory {
  readonly #records = new Map<string, EndpointRecord>();

  /** @internal */
  hold(key: string): EndpointRecord {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = new EndpointRecord();
      this.#records.set(key, record);
    }
    record.holders++;
    return record;
  }

  /** @internal */
  release(key: string, record: EndpointRecord): void {
    if (--record.holders === 0) this.#records.delete(key);
  }
}

/**
 * Creates a history to share between balancers, for example across a configuration change: latency
 * estimates of endpoints that stay are kept, and their slow start continues.
 */
export function endpointHistory(): EndpointHistory {
  return new EndpointHistory();
}
