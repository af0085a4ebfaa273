import type { Assignment } from "./assignment.ts";
import type { ClusterResource } from "./cluster.ts";
import type { XdsEndpoint } from "./endpoint.ts";
import { endpointsIn } from "./flatten.ts";
import type { ResourceKind, ResourceMissing, ResourceRejected, XdsFault } from "./options.ts";
import type { Subscription } from "./subscription.ts";

/** What is known about a cluster now. */
export interface Answer {
  /** Undefined: the last ones are kept. */
  readonly endpoints: readonly XdsEndpoint[] | undefined;
  readonly fault: XdsFault | undefined;
  readonly versions: { readonly cds: string | null; readonly eds: string | null };
  /** Settings of the cluster that have no effect here. */
  readonly ignored: readonly string[];
}

/** All resources that are known. */
export interface Resources {
  readonly clusters: Subscription<ClusterResource>;
  readonly assignments: Subscription<Assignment>;
}

/**
 * Combines a cluster with its endpoints. Undefined: one of them has not come yet.
 *
 * @param tls Whether the endpoints are called over TLS.
 */
export function answerTo(
  name: string,
  tls: boolean,
  { clusters, assignments }: Resources,
): Answer | undefined {
  const cluster = clusters.known.get(name);
  const problems = clusters.rejected.get(name);
  const fault = problems && rejected("cds", name, problems);
  const versions = { cds: cluster?.version ?? null, eds: null };
  const base = { endpoints: undefined, versions, ignored: cluster?.value.ignored ?? [] };
  if (clusters.absent.has(name)) return { ...base, endpoints: [], fault: missing("cds", name) };
  if (cluster === undefined || (cluster.value.tls && !tls)) return fault && { ...base, fault };
  const { endpoints: source, isLocalityWeighted } = cluster.value;
  const flatten = { scheme: tls ? "https" : "http", isLocalityWeighted } as const;
  if (typeof source !== "string") return { ...base, endpoints: endpointsIn(source, flatten), fault };
  if (assignments.absent.has(source)) return { ...base, endpoints: [], fault: missing("eds", source) };
  const assignment = assignments.known.get(source);
  const wrong = assignments.rejected.get(source);
  const ofAll = wrong === undefined ? fault : rejected("eds", source, wrong);
  if (assignment === undefined) return wrong && { ...base, fault: ofAll };
  return {
    ...base,
    endpoints: endpointsIn(assignment.value, flatten),
    fault: ofAll,
    versions: { ...versions, eds: assignment.version },
  };
}

export function missing(kind: ResourceKind, name: string): ResourceMissing {
  return { _tag: "ResourceMissing", origin: "local", retryable: true, kind, name };
}

export function rejected(kind: ResourceKind, name: string, problems: readonly string[]): ResourceRejected {
  return { _tag: "ResourceRejected", origin: "local", retryable: true, kind, name, problems };
}
