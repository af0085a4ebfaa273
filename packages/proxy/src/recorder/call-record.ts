import type { Json } from "@pagoda/core";

/**
 * The JSON of `/requests`, `/requests/ID`, `/tap` and `/top`. All of it is plain data. Request and response
 * bodies, query strings and header fields are never part of it, except for the fields named in
 * `recorder.headers`.
 */

/**
 * Why a call is kept; of several the first:
 *
 * - `failed`: the origin failed: it could not be called, answered with 5xx or a gRPC failure, or broke
 *   off
 * - `refused`: a policy of the proxy answered, no route or endpoint took the call, or the origin
 *   answered 429
 * - `slow`: the response head took longer than `recorder.slow`
 * - `recovered`: it succeeded, but not with the first try
 * - `sampled`: any other call, by `recorder.sample`
 * - `unread`: the server refused it before any policy: it could not be read, was too large or too slow,
 *   or its TLS handshake failed. There is neither method nor path
 */
export const reasons = ["failed", "refused", "slow", "recovered", "sampled", "unread"] as const;

export type Reason = (typeof reasons)[number];

/**
 * - `complete`: the client has the whole response
 * - `incomplete`: the origin or the proxy broke off the response
 * - `abandoned`: the client left first
 * - `cutOff`: the server ended it: the client was too slow, or a drain took too long
 * - `none`: no response was sent
 */
export type Ending = "complete" | "incomplete" | "abandoned" | "cutOff" | "none";

/** A call that has ended. */
export interface CallRecord {
  /** The request id, as in `X-Request-Id`, logs and error responses. */
  readonly id: string;
  /** The trace id of its `traceparent`, if it has one. */
  readonly traceId?: string | undefined;
  readonly reason: Reason;
  /** When it began: ISO 8601, in UTC. */
  readonly time: string;
  /** Milliseconds until the end of the response. */
  readonly durationMs: number;
  readonly worker: number;
  readonly listener: string;
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** Without the query. */
  readonly path: string;
  /** The client's address. */
  readonly client?: string | undefined;
  /** From the client's certificate. */
  readonly identity?: string | undefined;
  /** The user of a verified password, or the subject of a verified token. */
  readonly user?: string | undefined;
  readonly route?: RecordedRoute | undefined;
  readonly cluster?: string | undefined;
  /** The origin that answered, or that was called last. */
  readonly upstream?: string | undefined;
  /** Absent without a response. */
  readonly status?: number | undefined;
  /** Of a gRPC call; -1 if there was none. */
  readonly grpcStatus?: number | undefined;
  readonly ending: Ending;
  /** Why the server ended it. */
  readonly cutOff?: string | undefined;
  /** The error that it ended with, or that the response was made from. */
  readonly fault?: RecordedFault | undefined;
  /** What happened, in order. */
  readonly trail: readonly RecordedEntry[];
  /** The endpoints of its cluster when it ended, of a call that failed, recovered or got 503. */
  readonly endpoints?: RecordedEndpoints | undefined;
  /** Header fields named in `recorder.headers`. */
  readonly headers?: {
    readonly request: Readonly<Record<string, readonly string[]>>;
    readonly response: Readonly<Record<string, readonly string[]>>;
  };
}

/** A selected route. */
export interface RecordedRoute {
  readonly name: string;
  /** The condition that matched, such as `prefix /api`; absent if it has changed since. */
  readonly match?: string | undefined;
  /** Other routes that matched, and by what they are less specific; at most 5. */
  readonly beat: readonly {
    readonly route: string;
    readonly by: "host" | "path" | "methods" | "headers" | "query" | "order";
  }[];
}

/** An error. */
export interface RecordedFault {
  /** Names the error and the layer that raised it: `RateLimited`. */
  readonly tag: string;
  readonly origin: "local" | "upstream";
  /** Its own fields. */
  readonly facts: Readonly<Record<string, Json>>;
  /** The underlying error: `ECONNREFUSED: connect ECONNREFUSED 10.0.0.7:80`. */
  readonly cause?: string | undefined;
}

/** A call to an origin. */
export interface RecordedTry {
  readonly kind: "try";
  readonly upstream: string;
  /** Milliseconds from the start of the call. */
  readonly atMs: number;
  /** Milliseconds until the response head or the error; absent if the try had not ended. */
  readonly tookMs?: number | undefined;
  readonly status?: number | undefined;
  readonly fault?: RecordedFault | undefined;
}

/** What a layer reported. */
export interface RecordedEvent {
  readonly kind: "event";
  /** `retry`, `rate-limit`. */
  readonly layer: string;
  /** Where it stands: an endpoint, or `listener main`; absent for the route and the cluster of the call. */
  readonly of?: string | undefined;
  /** `retried`, `refused`. */
  readonly event: string;
  /** Milliseconds from the start of the call. */
  readonly atMs: number;
  readonly facts: readonly Json[];
  /** The event as a sentence. */
  readonly text: string;
}

export type RecordedEntry = RecordedTry | RecordedEvent;

/** The endpoints of a cluster. */
export interface RecordedEndpoints {
  readonly total: number;
  /** Those that take no calls, by what keeps them away; the most frequent cause first. */
  readonly blocked: readonly {
    /** `ejected`, `circuit open`. */
    readonly cause: string;
    readonly count: number;
    /** Milliseconds until the first of them takes calls again, if that is known. */
    readonly forMs?: number | undefined;
  }[];
  /** Those in trouble first, up to 10; none in a cluster of more than 1,000. */
  readonly shown: readonly {
    readonly endpoint: string;
    /** Calls since it was added, of this worker. */
    readonly succeeded: number;
    readonly failed: number;
    /** Given up because a time limit of the route or the client had passed. */
    readonly timedOut: number;
    /** Those of the last 5 minutes. */
    readonly recent: { readonly succeeded: number; readonly failed: number; readonly timedOut: number };
    /** What is wrong with it, such as `ejected: consecutive-failures`. */
    readonly reason?: string | undefined;
    /** Milliseconds until it takes calls again, if that is known. */
    readonly forMs?: number | undefined;
  }[];
}

/** Which calls a tap shows as they end, whether they are kept or not. */
export interface TapQuery extends Pick<
  RequestQuery,
  "reasons" | "listener" | "route" | "cluster" | "status" | "endpoint"
> {
  /** More calls are skipped. */
  readonly maxPerSecond: number;
}

/** What a worker has seen since the last reading of a tap. */
export interface Tapped {
  readonly calls: readonly WorkerRecord[];
  /** How many more matched. */
  readonly skipped: number;
}

/**
 * A line of `/tap`: a call, or how many could not be shown. Calls that would not be kept have the reason
 * `sampled`. An empty line says that the tap is still open.
 */
export type TapLine = CallRecord | { readonly skipped: number };

/** A call as a worker reports it, which the main process completes. */
export type WorkerRecord = Omit<CallRecord, "worker">;

/** Which calls to return. All of the conditions must hold. */
export interface RequestQuery {
  /** A request id or trace id. */
  readonly id?: string | undefined;
  readonly reasons?: readonly Reason[] | undefined;
  readonly listener?: string | undefined;
  /** `none`: calls without a route. */
  readonly route?: string | undefined;
  /** `none`: calls without a cluster. */
  readonly cluster?: string | undefined;
  /** `503`, or `5xx`. */
  readonly status?: string | undefined;
  /** The origin of one of its tries. */
  readonly endpoint?: string | undefined;
  /** Milliseconds since 1970: calls that ended before are left out. */
  readonly since?: number | undefined;
  readonly limit: number;
}

/** `/top`: what all workers have counted since they started. Subtract two readings for a time between. */
export interface Figures {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly rows: readonly FiguresRow[];
  /** Those that have failed. */
  readonly endpoints: readonly FailedTries[];
}

/** The tries of an endpoint that failed or were given up for a time limit. `rows` count a request where it was answered at last. */
export interface FailedTries {
  readonly cluster: string;
  /** Its origin. */
  readonly endpoint: string;
  readonly failed: number;
}

/** The requests of a route that went to an endpoint, or to `none`. */
export interface FiguresRow {
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  /** Its origin. */
  readonly endpoint: string;
  readonly requests: number;
  /** Those with 5xx, a failed gRPC status, or no response. */
  readonly errors: number;
  /** Upper bounds of the latency buckets in seconds, rising. Another bucket above them is unbounded. */
  readonly bounds: readonly number[];
  /** Requests that took at most as long, one for each bound; the last is all of them. */
  readonly counts: readonly number[];
}
