import type { BalancerStatus, EndpointStatus as BalancedEndpoint } from "@pagoda/balance";
import type { Description, Json } from "@pagoda/core";
import { type OutcomeCounts, outcomesName } from "./outcomes.ts";
import type { BlockedReason } from "../policies/policy.ts";
import type { PolicyReset } from "../policies/stack.ts";
import { blockedForMs, checksOf, troublesOf, troublesText } from "./troubles.ts";
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
  readonly blockedReasons: readonly (() => BlockedReason | undefined)[];
  /** Lets calls of its policies pass again. */
  readonly resets: readonly PolicyReset[];
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

function endpointStatus(endpoint: BalancedEndpoint, parts: ClusterParts): EndpointStatus {
  const { key, healthy, pending, ready, estimateMs, health } = endpoint;
  const { outcomes, stack } = parts;
  const calls = outcomes(key);
  const { describe, blockedReasons = [] } = stack(key) ?? {};
  const troubles = troublesOf(endpoint, {
    consecutiveFailures: calls.consecutiveFailures,
    blocked: blockedBy(blockedReasons),
  });
  const [reason, forMs, checks] = [troublesText(troubles), blockedForMs(troubles), checksOf(endpoint)];
  return {
    endpoint: key,
    healthy,
    ...(reason !== undefined && { reason }),
    ...(forMs !== undefined && { forMs }),
    ...(checks !== undefined && { checks }),
    inFlight: pending,
    calls,
    ...(estimateMs !== undefined && { latencyMs: estimateMs }),
    state: {
      ready,
      // Its outcomes are shown as calls above.
      ...Object.fromEntries(
        health
          .filter(({ source, state }) => source !== outcomesName && Object.keys(state).length > 0)
          .map(({ source, state }) => [source, state]),
      ),
      ...(describe && layerStates(describe())),
    },
  };
}

/** Why policies do not let calls pass. */
export function blockedBy(reasons: EndpointParts["blockedReasons"]): readonly BlockedReason[] {
  return reasons.flatMap((reason) => reason() ?? []);
}

/** The state of the layers around an endpoint, as `/stack` shows it. */
function layerStates({ name, state = {}, inner = [] }: Description): Record<string, Json> {
  const own = Object.keys(state).length > 0 ? { [name]: state } : {};
  return Object.assign(own, ...inner.map(layerStates)) as Record<string, Json>;
}
