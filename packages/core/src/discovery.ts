import type { Details } from "./description.ts";
import { mustBe } from "./options.ts";
import { formatValue } from "./problems.ts";

/** One place that can answer calls. */
export interface Endpoint {
  /** Unique name in descriptions, logs and metrics: `http://10.0.0.7:8080`. */
  readonly key: string;
  /** Share of the calls relative to the other endpoints: above 0. Default 1. */
  readonly weight?: number | undefined;
}

/**
 * Provides a balancer's endpoints as they come and go. Its state is shown in the balancer's
 * description.
 */
export interface Discovery<out E extends Endpoint = Endpoint> extends Pick<Details, "state"> {
  /** The current endpoints. Keys are unique. */
  readonly endpoints: readonly E[];
  /** Calls `changed` after each change of `endpoints`, until the returned function is called. */
  subscribe(changed: () => void): () => void;
}

/**
 * Returns a discovery whose endpoints never change.
 *
 * @throws RangeError when two endpoints have the same key, or a weight is not a number above 0.
 */
export function staticEndpoints<E extends Endpoint>(endpoints: readonly E[]): Discovery<E> {
  const problem = endpointsProblem(endpoints);
  if (problem !== undefined) throw new RangeError(`staticEndpoints: ${problem}`);
  return { endpoints, subscribe: () => () => {} };
}

/**
 * Describes the first problem of a list of endpoints, with endpoint and value; `undefined` if the
 * list is valid.
 */
export function endpointsProblem(endpoints: readonly Endpoint[]): string | undefined {
  const keys = new Set<string>();
  for (const { key, weight = 1 } of endpoints) {
    if (keys.has(key)) return mustBe("key of an endpoint", "one that no other endpoint has", key);
    if (!(weight > 0 && weight < Infinity)) {
      return mustBe(`weight of endpoint ${formatValue(key)}`, "a number above 0", weight);
    }
    keys.add(key);
  }
  return undefined;
}
