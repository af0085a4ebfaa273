import type { Fault } from "@pagoda/core";
import type { ClientLimits } from "./client-limits.ts";
import type { ServerTls } from "./tls.ts";

/** Settings that can change while a server runs. */
export interface ServerUpdate {
  /** Applies to new connections. Default: unchanged. */
  readonly tls?: ServerTls;
  /** Default: no limit. Open connections are kept. */
  readonly maxConnections?: number;
  /** Default: no limit. Open connections are kept. */
  readonly maxConnectionsPerClient?: number;
  /** Applies to new requests. Default: unchanged. */
  readonly upgrades?: readonly string[];
  /** Applies to requests in flight, too. Default: unchanged. */
  readonly limits?: ClientLimits;
}

/** The address could not be bound. */
export interface ListenFailed extends Fault<"ListenFailed"> {
  readonly host: string;
  readonly port: number;
  /** System error code: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  readonly code: string;
}

/** A running server. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Number of open connections. */
  readonly connections: number;
  /** Number of requests whose response has not been sent completely. */
  readonly inFlight: number;
  /**
   * Applies new settings, such as certificates or limits. Open connections are kept.
   *
   * @throws RangeError for TLS that cannot work, or upgrades to HTTP. Nothing has changed then.
   */
  update(update: ServerUpdate): void;
  /**
   * Stops accepting, lets requests in flight finish, and closes each connection after its last
   * response. An idle connection stays open for a second, so that a request already sent by its
   * client is still served.
   *
   * @param limitMs How long requests may take; then they are cut off.
   * @returns The number of requests cut off: 0 if all completed.
   */
  drain(limitMs: number): Promise<number>;
  /** Closes all connections at once. */
  close(): Promise<void>;
}
