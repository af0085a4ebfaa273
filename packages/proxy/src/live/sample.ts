import type { LiveValue } from "./snapshot.ts";

/** What a worker is asked for: figures by route and cluster, or everything. */
export type SampleDetail = "routes" | "all";

/**
 * Calls since the worker began: failed and refused ones as the recorder's reasons, then the calls in
 * each bucket of duration, the last of which is unbounded. With `routes`, `endpoint` is empty.
 */
export type CallRow = readonly [
  listener: string,
  route: string,
  cluster: string,
  endpoint: string,
  failed: number,
  refused: number,
  ...counts: number[],
];

/** Calls since the worker began that ended with an error inside the stack, by its tag. */
export type ErrorRow = readonly [
  listener: string,
  route: string,
  cluster: string,
  error: string,
  calls: number,
];

/** What a data plane tells. All counts are since it began. */
export interface CallSample {
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
  readonly calls: readonly CallRow[];
  readonly errors: readonly ErrorRow[];
  readonly inFlight: number;
  /** With `all`. */
  readonly clusters: readonly SampledCluster[];
  readonly layers: readonly SampledLayer[];
}

/** What a worker tells. */
export interface WorkerSample extends CallSample {
  /** CPU time of its process, in milliseconds. */
  readonly processCpuMs: number;
  readonly memoryBytes: number;
}

export interface SampledCluster {
  readonly cluster: string;
  readonly endpoints: number;
  readonly healthy: number;
  readonly panicking: boolean;
  readonly reason?: string | undefined;
  /** Those in trouble first; bounded. */
  readonly shown: readonly SampledEndpoint[];
}

export interface SampledEndpoint {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly inFlight: number;
  readonly consecutiveFailures: number;
  readonly latencyMs?: number | undefined;
  readonly troubles: readonly SampledTrouble[];
  /** Outcomes of the last 5 minutes. */
  readonly recent: { readonly succeeded: number; readonly failed: number; readonly timedOut: number };
  /** The last one that failed or timed out, if it is one of them. */
  readonly failure?: { readonly agoMs: number; readonly text: string } | undefined;
}

export interface SampledTrouble {
  readonly cause: string;
  readonly detail?: string | undefined;
  readonly forMs?: number | undefined;
  readonly blocks: boolean;
}

/** A layer with state, where it is. */
export interface SampledLayer {
  readonly layer: string;
  readonly listener?: string | undefined;
  readonly route?: string | undefined;
  readonly cluster?: string | undefined;
  readonly state: Readonly<Record<string, LiveValue>>;
  /** The bound of `queued`, if it has one. */
  readonly capacity?: number | undefined;
}
