import type { Aborted, Clock, Either, Random, Service } from "@pagoda/core";
import type { Probe } from "@pagoda/health";
import type { HttpRequest, HttpResponse, TransportFault } from "@pagoda/http";
import type { HttpServer, ListenFailed } from "@pagoda/http/server";
import type { Logger } from "pino";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Config, ListenerConfig } from "../config/schema/config.ts";
import type { Listening } from "./listening.ts";
import type { Origin } from "./origin.ts";
import type { ServerCounters } from "./server-counters.ts";

/** What layers are given, so that they can run in virtual time and the same for the same seed. */
export interface TimeAndChance {
  readonly clock: Clock;
  readonly random: Random;
}

/** What a data plane runs on: a real system, or a simulated one. */
export interface System extends TimeAndChance {
  readonly network: Network;
  /** Opens a listener that serves a stack. `Left`: it could not listen. */
  listen(config: ListenerConfig, options: ListenerOptions): Promise<Either<ListenFailed, OpenListener>>;
}

/** What a listener needs besides its configuration. */
export interface ListenerOptions {
  readonly stack: Service<HttpRequest, HttpResponse>;
  readonly counters: ServerCounters;
  readonly files: ReadonlyMap<string, string>;
  readonly ticketSecret: Uint8Array;
  /** Sockets to listen on; undefined to bind one. */
  readonly sockets: readonly object[] | undefined;
  readonly log: Logger;
}

/** How a data plane reaches its origins. */
export interface Network {
  /** Loads what the clusters of a configuration need. */
  load(config: Config): Promise<void>;
  /** Creates the client of an endpoint. */
  client(config: ClusterConfig, endpoint: Origin, files: ReadonlyMap<string, string>): OriginClient;
  /** Succeeds if an endpoint accepts connections. */
  readonly connects: Probe<Origin>;
  /** Creates the active health check of a cluster. */
  probe(check: CheckConfig, config: ClusterConfig, files: ReadonlyMap<string, string>): Probe<Origin>;
}

export type CheckConfig = NonNullable<ClusterConfig["check"]>;

/** Calls one origin. */
export interface OriginClient extends Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  /** Lets calls in flight finish, then closes the connections. */
  close(): Promise<void>;
}

/** A listening address for clients. */
export interface OpenListener {
  readonly listening: Listening;
  readonly server: Pick<HttpServer, "drain" | "close">;
  /** Whether a configuration is for this address and its fixed settings. */
  isFor(config: ListenerConfig): boolean;
  /** Applies the settings that can change while it listens. */
  update(config: ListenerConfig, files: ReadonlyMap<string, string>, ticketSecret: Uint8Array): void;
}
