import type { Description, Either } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/http/server";
import type { LeaseGrants, CallCounts, Rates } from "@pagoda/rate-limit";
import type { Resolved } from "../config/resolved.ts";
import type { KeptLimit } from "../policies/policy.ts";
import type { Plugin } from "../plugins/loader.ts";
import type { CentralUpdate } from "../data-plane/central-endpoints.ts";
import type { Listening } from "../data-plane/listening.ts";
import type { EjectedEndpoint } from "../data-plane/ejected-endpoints.ts";
import type {
  ClusterStatus,
  DataPlaneContext,
  Found,
  MetricData,
  ResetQuery,
  WasReset,
} from "../data-plane/types.ts";
import type { SampleDetail } from "../live/sample.ts";
import type { RequestQuery, TapQuery, Tapped, WorkerRecord } from "../recorder/call-record.ts";

/** What a data plane should serve, as sent to a worker. */
export interface Assignment extends Omit<
  DataPlaneContext,
  "log" | "policies" | "limits" | "sockets" | "found" | "central" | "ejected"
> {
  readonly resolved: Resolved;
  /** The modules to load policies from. */
  readonly plugins: readonly Plugin[];
  /** The policies of the main process: see `stacksText`. */
  readonly stacks: string;
}

/** A data plane could not be created from a configuration that passed the check. */
export interface ConfigRefused {
  readonly _tag: "ConfigRefused";
  readonly reason: string;
}

/** Why a configuration was not applied. */
export type NotApplied = ListenFailed | ConfigRefused;

/** A worker died before it served for the first time. */
export interface WorkerDied {
  readonly _tag: "WorkerDied";
  readonly worker: number;
  readonly cause?: Error | undefined;
}

/** A human-readable message. */
export function notAppliedText(fault: NotApplied | WorkerDied): string {
  if (fault._tag === "ConfigRefused") return fault.reason;
  if (fault._tag === "WorkerDied")
    return `worker ${fault.worker} died before it served: ${fault.cause?.message ?? "it exited"}`;
  return `cannot listen on ${fault.host}:${fault.port}: ${fault.code}`;
}

/** Methods of a worker that the main process calls. Arguments and results are plain data. */
export interface WorkerMethods {
  /**
   * Serves this configuration, initially or instead of the previous one. `Left`: nothing has
   * changed.
   */
  apply: (assignment: Assignment) => Either<NotApplied, readonly Listening[]>;
  /** Why no traffic should go to it now; undefined if ready. */
  notReady: () => string | undefined;
  /** A ping: an answer shows that it does not hang. */
  ping: () => true;
  metrics: () => readonly MetricData[];
  /** The stack of each listener. */
  describe: () => Readonly<Record<string, Description>>;
  clusters: () => readonly ClusterStatus[];
  /** A `WorkerSample` as JSON, and the CPU milliseconds that it cost; undefined before it serves. */
  sample: (detail: SampleDetail) => { readonly json: string; readonly cpuMs: number } | undefined;
  requests: (query: RequestQuery) => readonly WorkerRecord[];
  /** Opens the tap of that id if need be, and returns what has come since the last reading. */
  tap: (id: string, query: TapQuery) => Tapped;
  closeTap: (id: string) => void;
  /** Replaces the list of the endpoints that an operator has ejected; also before the first `apply`. */
  eject: (all: readonly EjectedEndpoint[]) => void;
  /** Closes open circuits and ends ejections of outlier detection. */
  reset: (query: ResetQuery) => readonly WasReset[];
  setLogLevel: (level: string) => void;
  /** Finishes the requests in flight. Returns how many were cut off. */
  drain: (limitMs: number) => number;
}

export type WorkerMethod = keyof WorkerMethods;

export interface WorkerRequest<A extends WorkerMethod = WorkerMethod> {
  readonly kind: "request";
  readonly id: number;
  readonly method: A;
  readonly args: Parameters<WorkerMethods[A]>;
}

export interface Reply {
  readonly kind: "reply";
  readonly id: number;
  readonly answer: unknown;
}

/** The last message of a worker: an uncaught error. */
export interface Crashed {
  readonly kind: "crashed";
  readonly cause: Error;
}

/** A limit that all workers share, and with `kept` all machines. */
export interface SharedLimit {
  readonly name: string;
  readonly rates: Rates;
  readonly maxKeys: number;
  readonly kept?: KeptLimit | undefined;
}

/** A worker takes calls from a limit, or returns some; a return gets no answer. */
export interface LeaseRequest {
  readonly kind: "lease";
  readonly id: number;
  readonly limit: SharedLimit;
  readonly take?: CallCounts;
  readonly giveBack?: CallCounts;
  /** Which store has granted the calls given back: see `LeaseGrants`. */
  readonly source?: number | undefined;
}

export interface LeaseReply {
  readonly kind: "leased";
  readonly id: number;
  readonly answer: LeaseGrants;
}

/** A worker has discovered endpoints. */
export interface EndpointsFound {
  readonly kind: "found";
  readonly found: Found;
}

export type FromWorker = Reply | Crashed | LeaseRequest | EndpointsFound;
/** A socket for a listener of the next assignment, sent along with the message. */
export interface SocketMessage {
  readonly kind: "socket";
  readonly listener: string;
}

/** Endpoints that the main process has discovered, before the assignment that needs them. */
export interface CentralFound {
  readonly kind: "central";
  readonly update: CentralUpdate;
}

/** The worker has what it was assigned, and forgets all other sources of endpoints. */
export interface CentralKept {
  readonly kind: "central-kept";
  readonly sources: ReadonlySet<string | undefined>;
}

/** A worker has nothing left to do. */
export interface End {
  readonly kind: "end";
}

export type ToWorker = WorkerRequest | LeaseReply | SocketMessage | CentralFound | CentralKept | End;

/** The command-line arguments of a worker. */
export interface WorkerArguments {
  /** Its number, from 0; a replacement has the number of the worker that it replaces. */
  readonly worker: number;
  readonly logLevel: string;
}

export function workerArguments([worker, logLevel = "info"]: readonly string[]): WorkerArguments {
  return { worker: Number(worker), logLevel };
}
