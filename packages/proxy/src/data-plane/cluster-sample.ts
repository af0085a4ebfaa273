import type { BalancerStatus } from "@pagoda/balance";
import type { SampledCluster, SampledEndpoint } from "../live/sample.ts";
import { type LastFailure, type Recent, recentMs } from "./outcomes.ts";
import { troublesOf, type Watched } from "./troubles.ts";

/** The state of a cluster for the live page: endpoints in trouble first, then those that
 * failed recently, at most `most` of them. */
export function clusterSample(
  cluster: string,
  most: number,
  {
    balancer: { endpoints, panicking },
    reason,
    watched,
    recent,
    lastFailure,
  }: {
    readonly balancer: BalancerStatus;
    readonly reason: string | undefined;
    readonly watched: (endpoint: string) => Watched;
    readonly recent: (endpoint: string) => Recent;
    readonly lastFailure: (endpoint: string) => LastFailure | undefined;
  },
): SampledCluster {
  const inTrouble: SampledEndpoint[] = [];
  const failing: SampledEndpoint[] = [];
  const others: SampledEndpoint[] = [];
  let healthy = 0;
  for (const status of endpoints) {
    const { key, pending, estimateMs } = status;
    if (status.healthy) healthy++;
    const its = watched(key);
    const troubles = troublesOf(status, its);
    const failure = lastFailure(key);
    const isFailing = failure !== undefined && failure.agoMs < recentMs;
    const list = troubles.length > 0 ? inTrouble : isFailing ? failing : others;
    if (list.length < most)
      list.push({
        endpoint: key,
        healthy: status.healthy,
        inFlight: pending,
        consecutiveFailures: its.consecutiveFailures,
        latencyMs: estimateMs,
        troubles,
        recent: recent(key),
        failure: isFailing ? failure : undefined,
      });
  }
  const shown = [...inTrouble, ...failing, ...others].slice(0, most);
  return { cluster, endpoints: endpoints.length, healthy, panicking, reason, shown };
}
