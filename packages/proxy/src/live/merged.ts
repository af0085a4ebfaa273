import type { SampledEndpoint, SampledLayer, SampledTrouble, WorkerSample } from "./sample.ts";
import type { LiveCluster, LiveEndpoint, LiveLayer, LiveLayers, LiveTrouble, LiveValue } from "./snapshot.ts";

/** A part of a sample, and the worker that it comes from. */
interface From<T> {
  readonly worker: number;
  readonly part: T;
}

export type Sampled = From<Pick<WorkerSample, "clusters" | "layers">>;

const mainProcess = -1;
/** Layers that are shown. */
const maxLayers = 500;
/** Phases in which nothing is wrong. */
const fine: ReadonlySet<unknown> = new Set(["closed", "passing"]);

/** @param at The time of the sample, in milliseconds since 1970. */
export function mergedClusters(samples: readonly Sampled[], at: number): readonly LiveCluster[] {
  return groups(samples, ({ clusters }) => clusters.map((each) => [each.cluster, each])).map(
    ([cluster, parts]) => {
      const all = parts.map(({ part }) => part);
      const endpoints = groups(
        parts.map(({ worker, part }) => ({ worker, part: part.shown })),
        (shown) => shown.map((each) => [each.endpoint, each]),
      ).map(([endpoint, seen]) => mergedEndpoint(endpoint, seen, at));
      const total = Math.max(...all.map((each) => each.endpoints));
      return {
        cluster,
        endpoints: total,
        healthy: Math.min(...all.map(({ healthy }) => healthy)),
        panicking: parts.filter(({ part }) => part.panicking).map(({ worker }) => worker),
        reason: all.find(({ reason }) => reason !== undefined)?.reason ?? null,
        shown: endpoints.toSorted(
          (one, other) =>
            Number(other.troubles.length > 0) - Number(one.troubles.length > 0) ||
            Number(other.failure !== null) - Number(one.failure !== null),
        ),
        left: Math.max(0, total - endpoints.length),
      };
    },
  );
}

function mergedEndpoint(endpoint: string, seen: readonly From<SampledEndpoint>[], at: number): LiveEndpoint {
  const all = seen.map(({ part }) => part);
  const latencies = all.flatMap(({ latencyMs }) => latencyMs ?? []);
  return {
    endpoint,
    healthy: all.every(({ healthy }) => healthy),
    inFlight: sum(all.map(({ inFlight }) => inFlight)),
    consecutiveFailures: Math.max(...all.map(({ consecutiveFailures }) => consecutiveFailures)),
    latencyMs: latencies.length === 0 ? null : Math.round(sum(latencies) / latencies.length),
    recent: {
      succeeded: sum(all.map(({ recent }) => recent.succeeded)),
      failed: sum(all.map(({ recent }) => recent.failed)),
      timedOut: sum(all.map(({ recent }) => recent.timedOut)),
    },
    failure: lastFailure(all, at),
    troubles: groups(
      seen.map(({ worker, part }) => ({ worker, part: part.troubles })),
      (troubles) => troubles.map((each) => [each.cause, each]),
    ).map(([, same]) => mergedTrouble(same, at)),
  };
}

function lastFailure(all: readonly SampledEndpoint[], at: number): LiveEndpoint["failure"] {
  const [last] = all
    .flatMap(({ failure }) => failure ?? [])
    .toSorted((one, other) => one.agoMs - other.agoMs);
  // In whole seconds, so that it does not change with each sample.
  return last === undefined ? null : { at: Math.round((at - last.agoMs) / 1_000) * 1_000, text: last.text };
}

function mergedTrouble(same: readonly From<SampledTrouble>[], at: number): LiveTrouble {
  const [{ part }] = same as [From<SampledTrouble>];
  const { cause, detail } = part;
  const ends = same.flatMap(({ part: { forMs } }) => (forMs === undefined ? [] : [at + forMs]));
  return {
    cause,
    reason: detail === undefined ? cause : `${cause}: ${detail}`,
    blocks: same.some((each) => each.part.blocks),
    workers: same.map(({ worker }) => worker).filter((worker) => worker !== mainProcess),
    // In whole seconds, so that it does not change with each sample.
    until: ends.length === 0 ? null : Math.round(Math.max(...ends) / 1_000) * 1_000,
  };
}

/** @param own Of the main process. */
export function mergedLayers(
  samples: readonly Sampled[],
  own: readonly SampledLayer[],
  at: number,
): LiveLayers {
  const layers = groups(samples, (part) => numbered(part.layers)).map(([, same]) => same);
  for (const each of own) layers.push([{ worker: mainProcess, part: each }]);
  const merged = layers.map((same) => mergedLayer(same, at));
  const inTrouble = merged.toSorted(
    (one, other) => Number(other.trouble !== null) - Number(one.trouble !== null),
  );
  const shown = merged.length > maxLayers ? inTrouble.slice(0, maxLayers) : merged;
  return { layers: shown, left: merged.length - shown.length };
}

/** The same layer may be several times in one place. */
function numbered(layers: readonly SampledLayer[]): readonly (readonly [string, SampledLayer])[] {
  const seen = new Map<string, number>();
  return layers.map((each) => {
    const { layer, listener, route, cluster } = each;
    const id = [layer, listener, route, cluster].join("\n");
    const n = (seen.get(id) ?? 0) + 1;
    seen.set(id, n);
    return [`${id}\n${n}`, each];
  });
}

function mergedLayer(same: readonly From<SampledLayer>[], at: number): LiveLayer {
  const [{ part }] = same as [From<SampledLayer>];
  const { layer, listener = null, route = null, cluster = null } = part;
  const state = mergedState(same.map((each) => each.part.state));
  const troubles = same.flatMap(({ worker, part: each }) => {
    const trouble = troubleOf(each.state);
    return trouble === undefined ? [] : [{ worker, part: trouble }];
  });
  return {
    layer,
    listener,
    route,
    cluster,
    state,
    used: usedOf(state, sum(same.map((each) => each.part.capacity ?? 0))),
    trouble: troubles.length === 0 ? null : mergedTrouble(troubles, at),
  };
}

/** By the names that layers use for such facts. */
function troubleOf({
  phase,
  reason,
  retryAfterMs,
  isReachable,
}: SampledLayer["state"]): SampledTrouble | undefined {
  if (isReachable === false) return { cause: "unreachable", blocks: false };
  if (typeof phase !== "string" || fine.has(phase)) return undefined;
  return {
    cause: phase,
    ...(typeof reason === "string" && reason !== "" && { detail: reason }),
    ...(typeof retryAfterMs === "number" && { forMs: retryAfterMs }),
    blocks: true,
  };
}

function usedOf({ limit, inFlight, queued }: SampledLayer["state"], capacity: number): LiveLayer["used"] {
  if (typeof limit === "number" && typeof inFlight === "number")
    return { of: limit, used: inFlight, what: "in flight" };
  return typeof queued === "number" && capacity > 0 ? { of: capacity, used: queued, what: "queued" } : null;
}

/** See `LiveLayer.state`. */
function mergedState(states: readonly SampledLayer["state"][]): LiveLayer["state"] {
  const names = new Set(states.flatMap((state) => Object.keys(state)));
  return Object.fromEntries(
    Array.from(names, (name) => [
      name,
      mergedValue(
        name,
        states.map((state) => state[name] ?? null),
      ),
    ]),
  );
}

function mergedValue(name: string, values: readonly LiveValue[]): LiveValue {
  const known = values.filter((value) => value !== null);
  const [first = null] = known;
  if (known.every((value) => typeof value === "number")) {
    if (known.length === 0) return null;
    if (name.endsWith("Ms")) return Math.round(Math.max(...known));
    const total = sum(known);
    return Math.round((/(?:rate|ratio|share)$/i.test(name) ? total / known.length : total) * 1_000) / 1_000;
  }
  if (known.every((value) => typeof value === "boolean")) return known.every(Boolean);
  if (known.every((value) => typeof value === "string")) return [...new Set(known)].join(", ");
  if (known.every((value) => typeof value === "object" && !Array.isArray(value)))
    return mergedState(known as SampledLayer["state"][]);
  return first;
}

/** What several workers say about the same things. */
function groups<T, E>(
  samples: readonly From<T>[],
  entries: (part: T) => readonly (readonly [string, E])[],
): readonly (readonly [string, readonly From<E>[]])[] {
  const all = new Map<string, From<E>[]>();
  for (const { worker, part } of samples)
    for (const [key, each] of entries(part)) {
      const same = all.get(key);
      if (same === undefined) all.set(key, [{ worker, part: each }]);
      else same.push({ worker, part: each });
    }
  return [...all];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
