import type { BalancerStatus, EndpointStatus as BalancedEndpoint } from "@pagoda/balance";
import type { Description, Json } from "@pagoda/core";
import { type OutcomeCounts, outcomesName } from "./outcomes.ts";
import type { RecordedEndpoints } from "../recorder/call-record.ts";
import type { Turns } from "./turns.ts";
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
  /** Why its policies do not let calls pass. */
  readonly blockedReasons: readonly (() => string | undefined)[];
}

/** Returns the status of a cluster, for operators. It has a turn of the event loop for many endpoints. */
export async function clusterStatus(
  cluster: string,
  parts: ClusterParts,
  turns: Turns,
): Promise<ClusterStatus> {
  const { balancer, source, discovery } = parts;
  const reasons = [
    ...(source.lastError === undefined ? [] : [`${source.kind}: ${source.lastError}`]),
    ...(balancer.panicking ? ["too few healthy endpoints; ignoring health"] : []),
  ];
  const endpoints: EndpointStatus[] = [];
  for (const endpoint of balancer.endpoints) {
    endpoints.push(endpointStatus(endpoint, parts));
    await turns.next();
  }
  return {
    cluster,
    strategy: balancer.strategy,
    ...(reasons.length > 0 && { reason: reasons.join("; ") }),
    endpoints,
    state: {
      endpoints: balancer.endpoints.length,
      healthy: balancer.endpoints.filter(({ healthy }) => healthy).length,
      panicking: balancer.panicking,
      ...discovery,
    },
  };
}

/** Endpoints shown to explain one call. */
const maxShown = 10;
/** With more endpoints, looking at all of them to explain a call would hold up others. */
const maxLookedAt = 1_000;

/**
 * Returns the endpoints of a cluster, those in trouble first.
 *
 * @param total The number of endpoints.
 */
export function endpointTroubles(
  total: number,
  status: () => Pick<ClusterParts, "balancer" | "outcomes" | "stack">,
): RecordedEndpoints {
  if (total > maxLookedAt) return { total, shown: [] };
  const parts = status();
  const all = parts.balancer.endpoints.map((endpoint) => {
    const { succeeded, failed } = parts.outcomes(endpoint.key);
    const reasons = troublesOf(endpoint, parts);
    const reason = reasons.length === 0 ? undefined : reasons.join("; ");
    return { endpoint: endpoint.key, succeeded, failed, reason };
  });
  const shown = all.toSorted(
    (one, other) =>
      Number(other.reason !== undefined) - Number(one.reason !== undefined) || other.failed - one.failed,
  );
  return { total: all.length, shown: shown.slice(0, maxShown) };
}

function troublesOf(
  endpoint: BalancedEndpoint,
  { outcomes, stack }: Pick<ClusterParts, "outcomes" | "stack">,
): readonly string[] {
  const { blockedReasons = [] } = stack(endpoint.key) ?? {};
  const reasons = [
    ...reasonsOf(endpoint, outcomes(endpoint.key)),
    ...blockedReasons.flatMap((reason) => reason() ?? []),
    ...(endpoint.share < 1 ? [`starting: ${Math.round(endpoint.share * 100)}% of its share`] : []),
  ];
  if (!endpoint.ready && reasons.length === 0) reasons.push("no free capacity");
  return reasons;
}

function endpointStatus(endpoint: BalancedEndpoint, parts: ClusterParts): EndpointStatus {
  const { key, healthy, pending, ready, estimateMs, health } = endpoint;
  const { outcomes, stack } = parts;
  const calls = outcomes(key);
  const reasons = troublesOf(endpoint, parts);
  const describe = stack(key)?.describe;
  return {
    endpoint: key,
    healthy,
    ...(reasons.length > 0 && { reason: reasons.join("; ") }),
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

/** Failures in a row that are unlikely to be chance: Envoy's threshold for outliers. */
const minFailures = 5;

function reasonsOf({ health }: BalancedEndpoint, { consecutiveFailures }: OutcomeCounts): string[] {
  const failures = consecutiveFailures >= minFailures ? [`the last ${consecutiveFailures} calls failed`] : [];
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
