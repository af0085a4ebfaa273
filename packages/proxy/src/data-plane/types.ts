import type { Description, Json } from "@pagoda/core";
import type { ListenFailed } from "@pagoda/http/server";
import type { Rates, Store } from "@pagoda/rate-limit";
import type { Either } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import type { Resolved } from "../config/resolved.ts";
import type { Origin } from "./origin.ts";
import type { OutcomeCounts } from "./outcomes.ts";

/** Makes what keeps a limit, by its name: see `placeName`. It goes on under that name over reloads. */
export type LimitStores = (name: string, maxKeys: number, workers: number) => (rates: Rates) => Store;

/** What a data plane is given besides its configuration. */
export interface DataPlaneContext {
  readonly log: Logger;
  /** Where the limits are kept that all workers share; absent: this one is alone, and keeps its own. */
  readonly limits?: LimitStores;
  /** Of the keys with which all workers seal the TLS sessions of clients, so that one knows those of another. */
  readonly ticketSecret: Uint8Array;
  /** Endpoints that others have looked up, by what they were looked up by; they hold until the source answers here. */
  readonly known?: ReadonlyMap<string, readonly Origin[]>;
  /** Told of endpoints that have been looked up here, each time that there are others. */
  readonly found?: (found: Found) => void;
  /** Hands over the sockets for a listener, which it then owns; absent: it binds its own. */
  readonly sockets?: (listener: string) => readonly object[];
}

/** Endpoints that have been looked up. */
export interface Found {
  /** What they were looked up by: see `sourceOf`. */
  readonly source: string;
  readonly endpoints: readonly Origin[];
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
  /** Why not, or what is wrong with it: `ejected: 5 failures in a row`, `circuit open`, `the last 7 calls failed`. */
  readonly why?: string | undefined;
  readonly inFlight: number;
  /** How its calls went since it came. */
  readonly calls: OutcomeCounts;
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
 * Serves the traffic: listeners, routes, clusters. One runs in each worker process. All that it gives is plain data, for
 * it goes to the main process.
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
