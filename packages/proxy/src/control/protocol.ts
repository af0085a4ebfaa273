import type { Description } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/core/server";
import type { Either } from "fp-ts/lib/Either.js";
import type { Resolved } from "../config/resolved.ts";
import type { ClusterStatus, DataPlaneContext, Listening, MetricData } from "../data-plane/types.ts";

/** What a data plane is to do, as it goes to a thread. */
export interface Assignment extends Omit<DataPlaneContext, "log"> {
  readonly resolved: Resolved;
}

/** A data plane could not be made of a configuration, although nothing was found wrong with it. */
export interface ConfigRefused {
  readonly _tag: "ConfigRefused";
  readonly reason: string;
}

/** Why a configuration is not taken over. */
export type NotApplied = ListenFailed | ConfigRefused;

/** For people. */
export function notAppliedText(fault: NotApplied): string {
  if (fault._tag === "ConfigRefused") return fault.reason;
  return `cannot listen on ${fault.host}:${fault.port}: ${fault.code}`;
}

/** What the main thread asks of a worker: the question, and the answer. All of it is plain data. */
export interface Asks {
  /** Serves from now on; at first, or instead of what was before. `Left`: nothing has changed. */
  apply: (assignment: Assignment) => Either<NotApplied, readonly Listening[]>;
  /** Why no traffic should come to it now; `undefined`: it may. */
  notReady: () => string | undefined;
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
  readonly id: number;
  readonly ask: A;
  readonly args: Parameters<Asks[A]>;
}

export interface Reply {
  readonly id: number;
  readonly answer: unknown;
}

/** What a worker is told when it is made. */
export interface WorkerData {
  /** Its number, from 0: one that takes another's place has its number. */
  readonly worker: number;
  readonly logLevel: string;
}
