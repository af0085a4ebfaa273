import type { Description, Json } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/core/server";
import type { Either } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import type { Resolved } from "../config/resolved.ts";

/** What a data plane is given besides its configuration. */
export interface DataPlaneContext {
  readonly log: Logger;
  /**
   * Memory that is shared by the data planes of all threads, by the name of the limit that lives in it: see
   * `sharedLimits`. It stays the same over reloads, so that limits go on.
   */
  readonly limits: ReadonlyMap<string, SharedArrayBuffer>;
  /** Of the keys with which all threads seal the TLS sessions of clients, so that one knows those of another. */
  readonly ticketSecret: Uint8Array;
  /** Ports that another data plane was given where the configuration says 0, by the name of the listener. */
  readonly ports: ReadonlyMap<string, number>;
}

/** Where a listener listens. */
export interface Listening {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `https://` with TLS. */
  readonly url: string;
}

/** A metric with its series, as prom-client's registries give and aggregate it. */
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

/** What an operator asks of an endpoint. */
export interface EndpointStatus {
  /** The origin. */
  readonly endpoint: string;
  /** Whether calls go to it. */
  readonly healthy: boolean;
  /** Why not, or how far it is: `ejected: 5 failures in a row`, `open for 3 s`, `starting`. */
  readonly why?: string | undefined;
  readonly inFlight: number;
  /** The estimate, where the strategy keeps one. */
  readonly latencyMs?: number | undefined;
  /** Everything else that the layers of the endpoint tell. */
  readonly state: Readonly<Record<string, Json>>;
}

/** What an operator asks of a cluster. */
export interface ClusterStatus {
  readonly cluster: string;
  readonly strategy: string;
  /** What is wrong with it as a whole: `dns: ENOTFOUND for shop.example`, or that health is ignored. */
  readonly why?: string | undefined;
  readonly endpoints: readonly EndpointStatus[];
  /** How many there are and are healthy, and what the source of them tells. */
  readonly state: Readonly<Record<string, Json>>;
}

/**
 * Serves the traffic: listeners, routes, clusters. One runs in each worker thread. All that it gives is plain data, for
 * it goes to the main thread.
 */
export interface DataPlane {
  readonly listening: readonly Listening[];
  /**
   * Takes over another configuration: with no connection closed and no request lost. What has a name and is
   * unchanged keeps its state. `Left`: a new listener could not listen, and nothing has changed.
   */
  apply(resolved: Resolved, context: DataPlaneContext): Promise<Either<ListenFailed, void>>;
  /** Why no traffic should come here now; `undefined`: it may. */
  notReady(): string | undefined;
  metrics(): Promise<readonly MetricData[]>;
  /** The stack of each listener, by its name. */
  describe(): Readonly<Record<string, Description>>;
  clusters(): readonly ClusterStatus[];
  setLogLevel(level: string): void;
  /**
   * Accepts nothing more, lets the requests in flight finish, and closes everything.
   *
   * @returns How many requests were cut off.
   */
  drain(limitMs: number): Promise<number>;
}

/** Starts one. `Left`: a listener could not listen, and nothing runs. */
export type StartDataPlane = (
  resolved: Resolved,
  context: DataPlaneContext,
) => Promise<Either<ListenFailed, DataPlane>>;

/** The limits that the data planes of all threads share: their names, and how many keys each keeps. */
export type SharedLimits = (resolved: Resolved) => ReadonlyMap<string, { readonly maxKeys: number }>;
