import type { ClusterStatus, EndpointStatus } from "../data-plane/types.ts";

/** An endpoint as all threads see it: each has its own connections, estimates and checks. */
function together(worker: readonly EndpointStatus[]): EndpointStatus {
  const [first] = worker as [EndpointStatus];
  const latencies = worker.map(({ latencyMs }) => latencyMs).filter((ms) => ms !== undefined);
  return {
    endpoint: first.endpoint,
    healthy: worker.every(({ healthy }) => healthy),
    why: worker.find(({ why }) => why !== undefined)?.why,
    inFlight: worker.reduce((sum, { inFlight }) => sum + inFlight, 0),
    ...(latencies.length > 0 && { latencyMs: latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length }),
    state: worker.length === 1 ? first.state : { workers: worker.map(({ state }) => state) },
  };
}

/**
 * The clusters of all threads as one: an endpoint is healthy when it is for all of them, `why` is the first reason why
 * not, calls are added up, and latencies averaged.
 */
export function mergeClusters(threads: readonly (readonly ClusterStatus[])[]): readonly ClusterStatus[] {
  const [first = []] = threads;
  return first.map(({ cluster, strategy }) => {
    const same = threads.flatMap((each) => each.filter((one) => one.cluster === cluster));
    const names = new Set(same.flatMap(({ endpoints }) => endpoints.map(({ endpoint }) => endpoint)));
    return {
      cluster,
      strategy,
      endpoints: Array.from(names, (name) =>
        together(same.flatMap(({ endpoints }) => endpoints.filter(({ endpoint }) => endpoint === name))),
      ),
    };
  });
}
