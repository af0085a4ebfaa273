import type { Service } from "@pagoda/core";
import type { CountedCalls } from "@pagoda/metrics";
import { callRows, errorRows } from "../live/call-rows.ts";
import { layerRows } from "../live/layer-rows.ts";
import type { CallSample, SampledCluster, SampleDetail, SampledLayer } from "../live/sample.ts";
import type { Noted } from "../recorder/call-counts.ts";
import type { Cluster } from "./cluster.ts";
import { described } from "./described.ts";

/** Endpoints that the live page shows. */
const maxShown = 1_000;
const maxShownOfCluster = 50;

export interface SampleParts {
  readonly counted: CountedCalls;
  readonly noted: Iterable<Noted>;
  /** The stack of each listener. */
  readonly stacks: ReadonlyMap<string, Pick<Service<never, unknown>, "describe">>;
  readonly clusters: readonly (readonly [name: string, cluster: Cluster])[];
}

/** What the live page shows of a data plane. */
export function sampleOf(
  detail: SampleDetail,
  { counted, noted, stacks, clusters }: SampleParts,
): CallSample {
  const calls = {
    bounds: counted.buckets,
    calls: callRows(counted, noted, detail),
    errors: errorRows(counted),
    inFlight: counted.inFlight,
  };
  if (detail === "routes") return { ...calls, clusters: [], layers: [] };
  const sampled: SampledCluster[] = [];
  const layers: SampledLayer[] = [];
  for (const [listener, stack] of stacks) layers.push(...layerRows(described(stack), { listener }));
  let left = maxShown;
  for (const [name, cluster] of clusters) {
    const each = cluster.sample(Math.min(left, maxShownOfCluster));
    left -= each.shown.length;
    sampled.push(each);
    layers.push(...layerRows(described(cluster.service), { cluster: name }));
  }
  return { ...calls, clusters: sampled, layers };
}
