/** The last 15 minutes in steps of 10 seconds. */
export interface LiveHistory {
  readonly stepMs: number;
  /** When the last step ended. */
  readonly end: number;
  /** Steps that there are at most. */
  readonly steps: number;
  readonly series: readonly LiveSeries[];
  /** Series that are left out: those with the fewest calls. */
  readonly left: number;
}

/** A route, with `listener`, or a cluster. Arrays start with the oldest step and end together. */
export interface LiveSeries {
  readonly listener: string | null;
  readonly route: string | null;
  readonly cluster: string | null;
  readonly perSecond: readonly number[];
  readonly failedPerSecond: readonly number[];
  /** Null in steps without calls. */
  readonly p99Ms: readonly (number | null)[];
}

/** One more step of each series that had calls in it; the others had none. */
export interface LivePoint {
  readonly end: number;
  readonly series: readonly {
    readonly listener: string | null;
    readonly route: string | null;
    readonly cluster: string | null;
    readonly perSecond: number;
    readonly failedPerSecond: number;
    readonly p99Ms: number | null;
  }[];
}
