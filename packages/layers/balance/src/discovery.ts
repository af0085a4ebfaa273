/** One place that can answer calls. */
export interface Endpoint {
  /** Tells it from the others, and names it in descriptions, logs and metrics: `http://10.0.0.7:8080`. */
  readonly key: string;
}

/** Where the endpoints of a balancer come from, as they come and go. */
export interface Discovery<E extends Endpoint> {
  /** What there is now. Keys are unique. */
  readonly endpoints: readonly E[];
  /** Calls `changed` after each change of `endpoints`, until the returned function is called. */
  subscribe(changed: () => void): () => void;
}

/**
 * A list that does not change.
 *
 * @throws RangeError when two endpoints have the same key.
 */
export function staticEndpoints<E extends Endpoint>(endpoints: readonly E[]): Discovery<E> {
  const keys = new Set<string>();
  for (const { key } of endpoints) {
    if (keys.has(key)) throw new RangeError(`balance: the endpoint "${key}" is listed twice; give each once`);
    keys.add(key);
  }
  return { endpoints, subscribe: () => () => {} };
}
