import type { Description } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/http/server";
import type { LeaseAnswer, LeaseAsk, Rates } from "@pagoda/rate-limit";
import type { Either } from "fp-ts/lib/Either.js";
import type { Resolved } from "../config/resolved.ts";
import type { ClusterStatus, DataPlaneContext, Found, Listening, MetricData } from "../data-plane/types.ts";

/** What a data plane is to do, as it goes to a worker. */
export interface Assignment extends Omit<DataPlaneContext, "log" | "limits" | "sockets" | "found"> {
  readonly resolved: Resolved;
  /** Whether limits hold for several workers together. */
  readonly sharesLimits: boolean;
}

/** A data plane could not be made of a configuration, although nothing was found wrong with it. */
export interface ConfigRefused {
  readonly _tag: "ConfigRefused";
  readonly reason: string;
}

/** Why a configuration was not applied. */
export type NotApplied = ListenFailed | ConfigRefused;

/** For people. */
export function notAppliedText(fault: NotApplied): string {
  if (fault._tag === "ConfigRefused") return fault.reason;
  return `cannot listen on ${fault.host}:${fault.port}: ${fault.code}`;
}

/** What the main process asks of a worker: the question, and the answer. All of it is plain data. */
export interface Asks {
  /** Serves from now on; at first, or instead of what was before. `Left`: nothing has changed. */
  apply: (assignment: Assignment) => Either<NotApplied, readonly Listening[]>;
  /** Why no traffic should come to it now; `undefined`: it may. */
  notReady: () => string | undefined;
  /** Nothing: that it answers says that it does not hang. */
  ping: () => true;
  metrics: () => readonly MetricData[];
  /** The stack of each listener. */
  describe: () => Readonly<Record<string, Description>>;
  clusters: () => readonly ClusterStatus[];
  setLogLevel: (level: string) => void;
  /** Finishes what is under way. How many requests were cut off. */
  drain: (limitMs: number) => number;
}

export type Ask = keyof Asks;

export interface Question<A extends Ask = Ask> {
  readonly kind: "question";
  readonly id: number;
  readonly ask: A;
  readonly args: Parameters<Asks[A]>;
}

export interface Reply {
  readonly kind: "reply";
  readonly id: number;
  readonly answer: unknown;
}

/** The last that is heard of a worker: an error that nobody caught. */
export interface Crashed {
  readonly kind: "crashed";
  readonly cause: Error;
}

/** A limit that all workers share. */
export interface SharedLimit {
  readonly name: string;
  readonly rates: Rates;
  readonly maxKeys: number;
}

/** A worker takes calls of a limit, or gives some back: then nothing is answered. */
export interface LeaseRequest {
  readonly kind: "lease";
  readonly id: number;
  readonly limit: SharedLimit;
  readonly take?: LeaseAsk;
  readonly giveBack?: LeaseAsk;
}

export interface LeaseReply {
  readonly kind: "leased";
  readonly id: number;
  readonly answer: LeaseAnswer;
}

/** A worker has looked up endpoints. */
export interface EndpointsFound {
  readonly kind: "found";
  readonly found: Found;
}

export type FromWorker = Reply | Crashed | LeaseRequest | EndpointsFound;
/** A socket for a listener of the assignment that comes next. It comes along with the message. */
export interface SocketFor {
  readonly kind: "socket";
  readonly listener: string;
}

/** A worker has nothing to do any more. */
export interface End {
  readonly kind: "end";
}

export type ToWorker = Question | LeaseReply | SocketFor | End;

/** What a worker is told by its command line. */
export interface WorkerArguments {
  /** Its number, from 0: one that takes another's place has its number. */
  readonly worker: number;
  readonly logLevel: string;
}

export function workerArguments([worker, logLevel = "info"]: readonly string[]): WorkerArguments {
  return { worker: Number(worker), logLevel };
}
