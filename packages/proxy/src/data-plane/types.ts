import type { Description, Either, Json } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/http/server";
import type { Rates, Store } from "@pagoda/rate-limit";
import type { Logger } from "pino";
import type { Resolved } from "../config/resolved.ts";
import type { KeptLimit } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import type { CallSample, SampleDetail } from "../live/sample.ts";
import type { RequestQuery, TapQuery, Tapped, WorkerRecord } from "../recorder/call-record.ts";
import type { CentralEndpoints } from "./central-endpoints.ts";
import type { EjectedEndpoints } from "./ejected-endpoints.ts";
import type { Listening } from "./listening.ts";
import type { Origin } from "./origin.ts";
import type { OutcomeCounts } from "./outcomes.ts";
import type { System } from "./system.ts";

/**
 * Creates the storage of a limit, by its name: see `placeName`. It keeps its state under that name
 * over reloads.
 */
export type LimitStores = (
  name: string,
  limit: { readonly maxKeys: number; readonly workers: number; readonly kept?: KeptLimit | undefined },
) => ((rates: Rates) => Store) | undefined;

/** What a data plane needs besides its configuration. */
export interface DataPlaneContext {
  readonly log: Logger;
  readonly policies: PolicyRegistry;
  /**
   * Storage of the limits that workers or machines share; if absent, this worker is the only one
   * and keeps its own.
   */
  readonly limits?: LimitStores;
  /**
   * Secret of the keys with which all workers seal TLS sessions, so that one resumes those of
   * another.
   */
  readonly ticketSecret: Uint8Array;
  /** Endpoints discovered by other workers, by source; used until the source answers here. */
  readonly known?: ReadonlyMap<string, readonly Origin[]>;
  /** Endpoints that the main process discovers. Default: none. */
  readonly central?: CentralEndpoints;
  /** Endpoints that an operator has ejected. Default: none. */
  readonly ejected?: EjectedEndpoints;
  /** Called with endpoints discovered here, whenever they change. */
  readonly found?: (found: Found) => void;
  /**
   * Hands over the sockets of a listener, which then owns them; if absent, the listener binds its
   * own.
   */
  readonly sockets?: (listener: string) => readonly object[];
  /** What it runs on. Default: the real system. */
  readonly system?: System;
}

/** Discovered endpoints. */
export interface Found {
  /** Their source: see `sourceOf`. */
  readonly source: string;
  readonly endpoints: readonly Origin[];
}

/** A metric with its series, in the form that prom-client's registries return and aggregate. */
export interface MetricData {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    readonly metricName?: string;
  }[];
}

/** The status of an endpoint, for operators. */
export interface EndpointStatus {
  /** The origin. */
  readonly endpoint: string;
  /** Whether it gets calls. */
  readonly healthy: boolean;
  /**
   * Why not, or what is wrong with it: `ejected: consecutive-failures`, `circuit open`, `health checks
   * pass, but the last 7 calls failed`.
   */
  readonly reason?: string | undefined;
  /** Milliseconds until it gets calls again, if that is known. */
  readonly forMs?: number | undefined;
  /** What active checks find; absent without them. */
  readonly checks?: "passing" | "failing" | undefined;
  readonly inFlight: number;
  /** Outcomes of its calls since it was added. */
  readonly calls: OutcomeCounts;
  /** The latency estimate, if the strategy keeps one. */
  readonly latencyMs?: number | undefined;
  /** All other state of the endpoint's layers. */
  readonly state: Readonly<Record<string, Json>>;
}

/** The status of a cluster, for operators. */
export interface ClusterStatus {
  readonly cluster: string;
  readonly strategy: string;
  /**
   * What is wrong with the whole cluster: `dns: ENOTFOUND for shop.example`, or that health is
   * ignored.
   */
  readonly reason?: string | undefined;
  readonly endpoints: readonly EndpointStatus[];
  /** How many endpoints there are and are healthy, and further facts from their source. */
  readonly state: Readonly<Record<string, Json>>;
}

/** Which endpoints to reset: those of a cluster or all, one of them or all. */
export interface ResetQuery {
  readonly cluster?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** A circuit that was closed, or an ejection that was ended. */
export interface WasReset {
  readonly cluster: string;
  readonly endpoint: string;
  /** The name of the policy, or `outliers`. */
  readonly policy: string;
}

/**
 * Serves the traffic: listeners, routes and clusters. One runs in each worker process. Everything
 * that it returns is plain data, since it is sent to the main process.
 */
export interface DataPlane {
  readonly listening: readonly Listening[];
  /**
   * Applies another configuration without closing a connection or losing a request. Named parts
   * that are unchanged keep their state. `Left`: a new listener could not listen; nothing has
   * changed.
   */
  apply(resolved: Resolved, context: DataPlaneContext): Promise<Either<ListenFailed, void>>;
  /** Why no traffic should come here now; undefined if ready. */
  notReady(): string | undefined;
  metrics(): Promise<readonly MetricData[]>;
  /** The stack of each listener, by name. */
  describe(): Readonly<Record<string, Description>>;
  clusters(): Promise<readonly ClusterStatus[]>;
  /** What the live page shows of it. */
  sample(detail: SampleDetail): CallSample;
  /** The kept calls that match, the newest first. */
  requests(query: RequestQuery): readonly WorkerRecord[];
  /** Opens the tap of that id if need be, and returns what has come since the last reading. */
  tap(id: string, query: TapQuery): Tapped;
  closeTap(id: string): void;
  /** Closes open circuits and ends ejections of outlier detection. */
  reset(query: ResetQuery): readonly WasReset[];
  setLogLevel(level: string): void;
  /**
   * Accepts nothing more, lets the requests in flight finish, and closes everything.
   *
   * @returns How many requests were cut off.
   */
  drain(limitMs: number): Promise<number>;
}

/** Starts a data plane. `Left`: a listener could not listen, and nothing runs. */
export type StartDataPlane = (
  resolved: Resolved,
  context: DataPlaneContext,
) => Promise<Either<ListenFailed, DataPlane>>;
