import type { BalancerStatus, EndpointStatus as BalancedEndpoint } from "@pagoda/balance";
import type { Description, Json } from "@pagoda/core";
import { type OutcomeCounts, outcomesName } from "./outcomes.ts";
import type { ClusterStatus, EndpointStatus } from "./types.ts";

/** The parts of a cluster's status. */
export interface ClusterParts {
  readonly balancer: BalancerStatus;
  /** The kind of its endpoint source and its last error. */
  readonly source: { readonly kind: string; readonly lastError: string | undefined };
  readonly outcomes: (endpoint: string) => OutcomeCounts;
  /** The stack of an endpoint; undefined if it was removed. */
  readonly stack: (endpoint: string) => EndpointParts | undefined;
  /** Further facts from the endpoint source. */
  readonly discovery: Readonly<Record<string, Json>>;
}

export interface EndpointParts {
  readonly describe: () => Description;
  /** Why its policies let no calls through. */
  readonly whys: readonly (() => string | undefined)[];
}

/** Returns the status of a cluster, for operators. */
export function clusterStatus(cluster: string, parts: ClusterParts): ClusterStatus {
  const { balancer, source, discovery } = parts;
  const whys = [
    ...(source.lastError === undefined ? [] : [`${source.kind}: ${source.lastError}`]),
    ...(balancer.panicking ? ["too few healthy endpoints; ignoring health"] : []),
  ];
  return {
    cluster,
    strategy: balancer.strategy,
    ...(whys.length > 0 && { why: whys.join("; ") }),
    endpoints: balancer.endpoints.map((endpoint) => endpointStatus(endpoint, parts)),
    state: {
      endpoints: balancer.endpoints.length,
      healthy: balancer.endpoints.filter(({ healthy }) => healthy).length,
      panicking: balancer.panicking,
      ...discovery,
    },
  };
}

function endpointStatus(endpoint: BalancedEndpoint, { outcomes, stack }: ClusterParts): EndpointStatus {
  const { key, healthy, pending, ready, estimateMs, health } = endpoint;
  const calls = outcomes(key);
  const { describe, whys: ofPolicies = [] } = stack(key) ?? {};
  const whys = [
    ...whysOf(endpoint, calls),
    ...ofPolicies.flatMap((why) => why() ?? []),
    ...(endpoint.share < 1 ? [`starting: ${Math.round(endpoint.share * 100)}% of its share`] : []),
  ];
  if (!ready && whys.length === 0) whys.push("as many calls as it may have");
  return {
    endpoint: key,
    healthy,
    ...(whys.length > 0 && { why: whys.join("; ") }),
    inFlight: pending,
    calls,
    ...(estimateMs !== undefined && { latencyMs: estimateMs }),
    state: {
      ready,
      // Its outcomes are shown as calls above.
      ...Object.fromEntries(
        health.filter(({ source }) => source !== outcomesName).map(({ source, state }) => [source, state]),
      ),
      ...(describe && layerStates(describe())),
    },
  };
}

/** That many failures in a row are not chance: Envoy's threshold for outliers. */
const tellingFailures = 5;

function whysOf({ health }: BalancedEndpoint, { consecutiveFailures }: OutcomeCounts): string[] {
  const failures =
    consecutiveFailures >= tellingFailures ? [`the last ${consecutiveFailures} calls failed`] : [];
  return [
    ...failures,
    ...health
      .filter(({ healthy }) => !healthy)
      .map(({ source, reason = "not checked yet" }) =>
        source === "outlier-detection" ? `ejected: ${reason}` : `${source}: ${reason}`,
      ),
  ];
}

/** The state of the layers around an endpoint, as `/stack` shows it. */
function layerStates({ name, state = {}, inner = [] }: Description): Record<string, Json> {
  const own = Object.keys(state).length > 0 ? { [name]: state } : {};
  return Object.assign(own, ...inner.map(layerStates)) as Record<string, Json>;
}
