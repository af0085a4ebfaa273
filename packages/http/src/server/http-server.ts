import type { Fault } from "@pagoda/core";
import type { ClientLimits } from "./client-limits.ts";
import type { ServerTls } from "./tls.ts";

/** What can change while a server runs. */
export interface ServerUpdate {
  /** For connections that come from now on. Default: as it was. */
  readonly tls?: ServerTls;
  /** Default: no limit. Those that are open stay. */
  readonly maxConnections?: number;
  /** Default: no limit. Those that are open stay. */
  readonly maxConnectionsPerClient?: number;
  /** For requests that come from now on. Default: as it was. */
  readonly upgrades?: readonly string[];
  /** For requests that are under way, too. Default: as they were. */
  readonly limits?: ClientLimits;
}

/** The address could not be bound. */
export interface ListenFailed extends Fault<"ListenFailed"> {
  readonly host: string;
  readonly port: number;
  /** The system's word for it: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  readonly code: string;
}

/** A stack being served. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, or `https`. */
  readonly url: string;
  /** Connections that are open. */
  readonly connections: number;
  /** Requests whose response has not gone out as a whole. */
  readonly inFlight: number;
  /**
   * Takes over other certificates, and another number of connections; those that are open live on.
   *
   * @throws RangeError for TLS that cannot work, or upgrades to HTTP; nothing has changed then.
   */
  update(update: ServerUpdate): void;
  /**
   * Stops accepting, lets the requests in flight finish, and closes each connection after its last response. An idle
   * connection stays open for a second: a request that its client sends before it can know is still served.
   *
   * @param limitMs How long they may take; whoever is not done then is cut off.
   * @returns How many requests were cut off: 0 when all completed.
   */
  drain(limitMs: number): Promise<number>;
  /** Closes everything at once. */
  close(): Promise<void>;
}
