import type { Description, Json } from "@pagoda/core";
import type { Cluster } from "./cluster.ts";
import type { OutcomeCounts } from "./outcomes.ts";
import type { ClusterStatus, EndpointStatus } from "./types.ts";

/** What an operator asks of a cluster, read off its description. */
export function clusterStatus(cluster: string, { service }: Cluster): ClusterStatus {
  const { options, state = {}, inner = [] } = find(service.describe(), "balance") ?? {};
  const whys = wrongWith(state);
  return {
    cluster,
    strategy: String(options?.["strategy"]),
    ...(whys.length > 0 && { why: whys.join("; ") }),
    endpoints: inner.map(endpointStatus),
    state,
  };
}

function wrongWith(state: NonNullable<Description["state"]>): string[] {
  const { panicking, ...others } = state;
  const sources = Object.entries(others).flatMap(([source, said]) => {
    const { lastError } = Object(said) as Readonly<Record<string, Json>>;
    return typeof lastError === "string" ? [`${source}: ${lastError}`] : [];
  });
  return panicking === true ? [...sources, "too few endpoints are healthy: health is ignored"] : sources;
}

function endpointStatus(description: Description): EndpointStatus {
  const { options = {}, state = {}, inner = [] } = description;
  const { pending, healthy, ready, share, estimateMs, outcomes, ...rest } = state as Readonly<
    Record<string, Json>
  >;
  const layers = inner.flatMap(all).filter((each) => Object.keys(each.state ?? {}).length > 0);
  const whys = [...whysOf({ ...rest, outcomes: outcomes as Json }), ...layers.flatMap(whyOf)];
  if (typeof share === "number") whys.push(`starting: ${Math.round(share * 100)}% of its share`);
  if (ready === false && whys.length === 0) whys.push("as many calls as it may have");
  return {
    endpoint: String(options["key"]),
    healthy: healthy === true,
    ...(whys.length > 0 && { why: whys.join("; ") }),
    inFlight: Number(pending),
    calls: outcomes as unknown as OutcomeCounts,
    ...(typeof estimateMs === "number" && { latencyMs: estimateMs }),
    state: {
      ready: ready ?? true,
      ...rest,
      ...Object.fromEntries(layers.map(({ name, state }) => [name, state as Json])),
    },
  };
}

/** So many failures in a row are not chance: Envoy's number for outliers. */
const tellingFailures = 5;

/** What health sources say: each has a reason where it says that the endpoint is not healthy. */
function whysOf(sources: Readonly<Record<string, Json>>): string[] {
  return Object.entries(sources).flatMap(([source, state]) => {
    const { healthy, reason, ejectedForMs, consecutiveFailures } = (state ?? {}) as Readonly<
      Record<string, Json>
    >;
    if (typeof consecutiveFailures === "number" && consecutiveFailures >= tellingFailures)
      return [`the last ${consecutiveFailures} calls failed`];
    if (typeof ejectedForMs === "number") return [`ejected: ${String(reason)}`];
    if (healthy === false) return [`${source}: ${typeof reason === "string" ? reason : "not checked yet"}`];
    return [];
  });
}

/** A circuit that is not closed. */
function whyOf({ name, state = {} }: Description): string[] {
  const { phase, reason } = state as Readonly<Record<string, Json>>;
  if (name !== "circuit-breaker" || phase === undefined || phase === "closed") return [];
  return [`circuit ${String(phase)}${typeof reason === "string" ? `: ${reason}` : ""}`];
}

function find(description: Description, name: string): Description | undefined {
  return all(description).find((each) => each.name === name);
}

function all(description: Description): Description[] {
  return [description, ...(description.inner ?? []).flatMap(all)];
}
