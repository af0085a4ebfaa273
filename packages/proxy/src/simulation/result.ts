/** What a simulation has measured. Plain data: `pagoda simulate --json` prints it. */
export interface Simulation {
  readonly seed: number;
  /** Equal only for equal runs, on every machine. */
  readonly digest: string;
  /** From the first request to the last response. */
  readonly durationMs: number;
  readonly requests: number;
  /** Share of requests answered with a status below 400. */
  readonly success: number;
  /** Of the requests that succeeded; null if none did. */
  readonly latency: Latency | null;
  /** Calls to origins per request that was forwarded; null if none was. */
  readonly amplification: number | null;
  /** Requests that did not succeed, by status and error: `503 CircuitOpen`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Events of layers, such as `retry retried`. */
  readonly events: Readonly<Record<string, number>>;
  readonly origins: readonly OriginLoad[];
  /** What the proxy would have logged. */
  readonly timeline: readonly LogLine[];
  readonly series: Series;
}

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface OriginLoad {
  /** `shop[1]` */
  readonly name: string;
  readonly endpoint: string;
  readonly calls: number;
  /** The highest numbers at the ends of the series' steps. */
  readonly mostWorking: number;
  readonly mostQueued: number;
}

export interface LogLine {
  readonly atMs: number;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Measurements over time, a number for each step. */
export interface Series {
  readonly stepMs: number;
  readonly sent: readonly number[];
  readonly succeeded: readonly number[];
  readonly tries: readonly number[];
  /** Latency of the requests made in the step that succeeded; null if none did. */
  readonly p50: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
  readonly failures: Readonly<Record<string, readonly number[]>>;
  readonly events: Readonly<Record<string, readonly number[]>>;
  readonly origins: Readonly<Record<string, OriginSeries>>;
}

export interface OriginSeries {
  readonly calls: readonly number[];
  readonly working: readonly number[];
  readonly queued: readonly number[];
  /** Why it gets no calls, or fewer; empty if it is in order. */
  readonly status: readonly string[];
}
