import type { ClusterStatus, EndpointStatus } from "../data-plane/types.ts";

/** An endpoint as all workers see it: each has its own connections, estimates and checks. */
function together(worker: readonly EndpointStatus[]): EndpointStatus {
  const [first] = worker as [EndpointStatus];
  const latencies = worker.map(({ latencyMs }) => latencyMs).filter((ms) => ms !== undefined);
  const times = worker.flatMap(({ forMs }) => forMs ?? []);
  const checks = worker.some((each) => each.checks === "failing") ? "failing" : "passing";
  return {
    endpoint: first.endpoint,
    healthy: worker.every(({ healthy }) => healthy),
    reason: firstReason(worker),
    ...(times.length > 0 && { forMs: Math.max(...times) }),
    ...(first.checks !== undefined && { checks }),
    inFlight: sum(worker.map(({ inFlight }) => inFlight)),
    calls: {
      succeeded: sum(worker.map(({ calls }) => calls.succeeded)),
      failed: sum(worker.map(({ calls }) => calls.failed)),
      timedOut: sum(worker.map(({ calls }) => calls.timedOut)),
      consecutiveFailures: Math.max(...worker.map(({ calls }) => calls.consecutiveFailures)),
    },
    ...(latencies.length > 0 && { latencyMs: sum(latencies) / latencies.length }),
    state: stateOf(worker),
  };
}

/**
 * Merges the clusters of all workers. An endpoint is healthy if it is for all of them, `reason` is the
 * first reason given, calls are added up, and latencies averaged.
 */
export function mergeClusters(workers: readonly (readonly ClusterStatus[])[]): readonly ClusterStatus[] {
  const [first = []] = workers;
  const byName = Map.groupBy(workers.flat(), ({ cluster }) => cluster);
  return first.map(({ cluster, strategy }) => {
    const same = byName.get(cluster) ?? [];
    const endpoints = Map.groupBy(
      same.flatMap((each) => each.endpoints),
      ({ endpoint }) => endpoint,
    );
    return {
      cluster,
      strategy,
      reason: firstReason(same),
      endpoints: Array.from(endpoints.values(), together),
      state: stateOf(same),
    };
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function firstReason(workers: readonly { readonly reason?: string | undefined }[]): string | undefined {
  return workers.find(({ reason }) => reason !== undefined)?.reason;
}

/** The status in each worker, if there are several. */
function stateOf(workers: readonly Pick<EndpointStatus, "state">[]): EndpointStatus["state"] {
  const [first] = workers;
  return workers.length === 1 && first !== undefined
    ? first.state
    : { workers: workers.map(({ state }) => state) };
}
