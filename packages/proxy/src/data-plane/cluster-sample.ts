import type { BalancerStatus } from "@pagoda/balance";
import type { SampledCluster, SampledEndpoint } from "../live/sample.ts";
import { troublesOf, type Watched } from "./troubles.ts";

/** The state of a cluster for the live page: endpoints in trouble first, at most `most` of them. */
export function clusterSample(
  cluster: string,
  most: number,
  {
    balancer: { endpoints, panicking },
    reason,
    watched,
  }: {
    readonly balancer: BalancerStatus;
    readonly reason: string | undefined;
    readonly watched: (endpoint: string) => Watched;
  },
): SampledCluster {
  const inTrouble: SampledEndpoint[] = [];
  const others: SampledEndpoint[] = [];
  let healthy = 0;
  for (const status of endpoints) {
    const { key, pending, estimateMs } = status;
    if (status.healthy) healthy++;
    const its = watched(key);
    const troubles = troublesOf(status, its);
    const list = troubles.length > 0 ? inTrouble : others;
    if (list.length < most)
      list.push({
        endpoint: key,
        healthy: status.healthy,
        inFlight: pending,
        consecutiveFailures: its.consecutiveFailures,
        latencyMs: estimateMs,
        troubles,
      });
  }
  const shown = [...inTrouble, ...others].slice(0, most);
  return { cluster, endpoints: endpoints.length, healthy, panicking, reason, shown };
}
