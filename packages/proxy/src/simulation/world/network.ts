import { aborted, left, WaitList } from "@pagoda/core";
import { type Probe, probeFailed, probeInconclusive, probeSucceeded } from "@pagoda/health";
import type { ClusterConfig } from "../../config/schema/cluster.ts";
import type { Network, OriginClient } from "../../data-plane/system.ts";
import type { Origin } from "../../data-plane/origin.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";

/** A network that has only simulated endpoints, by their origins. Connecting takes no time. */
export class SimulatedNetwork implements Network {
  readonly #endpoints: ReadonlyMap<string, SimulatedEndpoint>;

  constructor(endpoints: ReadonlyMap<string, SimulatedEndpoint>) {
    this.#endpoints = endpoints;
  }

  async load(): Promise<void> {}

  /** Bounds the calls in flight as the real client does. */
  client({ pool: { maxConnections } }: ClusterConfig, { key }: Origin): OriginClient {
    const endpoint = this.#of(key);
    let inFlight = 0;
    const waiting = new WaitList(() => inFlight < maxConnections);
    const over = (): void => {
      inFlight--;
      waiting.wake();
    };
    return {
      ready: () => waiting.ready(),
      call({ notes }, signal) {
        if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
        if (inFlight >= maxConnections)
          return Promise.resolve(
            left({ _tag: "PoolExhausted", origin: "local", retryable: true, upstream: key, maxConnections }),
          );
        inFlight++;
        notes.upstream = key;
        notes.tries++;
        return endpoint.call(signal).then((result) => {
          if (signal?.aborted !== true) notes.upstream = key;
          over();
          return result;
        });
      },
      describe: () => ({ name: "simulated", options: { origin: key }, state: { inFlight } }),
      close: () => Promise.resolve(),
    };
  }

  readonly connects: Probe<Origin> = ({ key }) =>
    Promise.resolve(this.#of(key).accepts ? probeSucceeded : probeFailed("ConnectFailed: ECONNREFUSED"));

  /** Of an endpoint that answers, a check succeeds, whatever it expects. */
  probe(check: { readonly type: string }): Probe<Origin> {
    if (check.type === "tcp") return this.connects;
    return async ({ key }, signal) => {
      const result = await this.#of(key).call(signal, false);
      if (result._tag === "Right")
        return result.right.status < 400 ? probeSucceeded : probeFailed(`status ${result.right.status}`);
      const { _tag, origin } = result.left;
      return origin === "local" ? probeInconclusive(_tag) : probeFailed(_tag);
    };
  }

  #of(key: string): SimulatedEndpoint {
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) throw new Error(`no simulated endpoint ${key}`);
    return endpoint;
  }
}
