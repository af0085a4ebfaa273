/** The state of a cluster. */
export interface LiveCluster {
  readonly cluster: string;
  readonly endpoints: number;
  /** Healthy endpoints, in the worker that has the fewest. */
  readonly healthy: number;
  /** Workers that ignore health, since too few endpoints are healthy. */
  readonly panicking: readonly number[];
  /** What is wrong with it, such as `dns: ENOTFOUND for shop.example`; null if nothing is. */
  readonly reason: string | null;
  /** Those in trouble first, then in the order of the cluster. */
  readonly shown: readonly LiveEndpoint[];
  /** Endpoints that are left out. */
  readonly left: number;
}

export interface LiveEndpoint {
  readonly endpoint: string;
  /** Whether it gets calls from all workers. */
  readonly healthy: boolean;
  readonly inFlight: number;
  /** Failures since the last success, in the worker that has most. */
  readonly consecutiveFailures: number;
  /** The estimate of the strategy, if it keeps one. */
  readonly latencyMs: number | null;
  readonly troubles: readonly LiveTrouble[];
  /** The tries of the last 5 minutes, those that were retried elsewhere too. */
  readonly recent: {
    readonly succeeded: number;
    readonly failed: number;
    /** Given up because a time limit of the route or the client had passed. */
    readonly timedOut: number;
  };
  /** The last try that failed or timed out, if there was one in the last 5 minutes. */
  readonly failure: {
    /** In whole seconds. */
    readonly at: number;
    /** `status 503`, `ConnectFailed: ECONNREFUSED`; empty if that is not known. */
    readonly text: string;
  } | null;
}

/** What is wrong with something. */
export interface LiveTrouble {
  /** Tells it apart from other troubles: `ejected`, `circuit open`, `health-check`. */
  readonly cause: string;
  /** In words: `ejected: consecutive-failures`, `health-check: ConnectFailed: ECONNREFUSED`. */
  readonly reason: string;
  /** Whether it keeps calls away. */
  readonly blocks: boolean;
  /** Workers that have it. */
  readonly workers: readonly number[];
  /** When it ends in the last of them, in whole seconds; null if that depends on something else. */
  readonly until: number | null;
}
