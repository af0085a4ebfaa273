import type { Clock } from "@pagoda/core";
import type { HttpRequest } from "../message.ts";
import type { ClientLimits } from "./client-limits.ts";
import type { ServerTls } from "./tls.ts";

/** Callbacks for metrics and logs. They are called synchronously and must not throw. */
export interface ServerObserver {
  /** A connection was opened or closed; `open` is the current number. */
  readonly connections?: (open: number, change: "opened" | "closed") => void;
  /** A connection was closed at once because a limit was reached. */
  readonly connectionRefused?: () => void;
  /**
   * A TLS handshake failed: no common version or cipher, an untrusted certificate, or a timeout.
   *
   * @param client The address, unless the client is already gone.
   */
  readonly handshakeFailed?: (reason: string, client: string | undefined) => void;
  /**
   * The server refused a request that was malformed, too large, or too slow.
   *
   * @param client The address of the connection.
   * @param isCalled Whether layers have the request and see its end, too: its body came too slowly.
   *   Otherwise the server refused it before any layer saw it.
   */
  readonly requestRefused?: (status: number, reason: string, client: string, isCalled: boolean) => void;
  /** The stack rejected or threw: a bug in the program. The client received 500. */
  readonly defect?: (defect: unknown, request: HttpRequest) => void;
}

/** `http1` is HTTP/1.1 and 1.0. */
export type HttpVersion = "http1" | "http2";

export interface ServeOptions extends ServerObserver {
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Port to bind; 0 (the default) lets the system choose. */
  readonly port?: number;
  /**
   * Whether other processes may listen on the same address and share its connections. Default
   * false.
   */
  readonly reusePort?: boolean;
  /**
   * Bound sockets on which to accept connections, instead of binding an address: handles for
   * `listen` of `net.Server`. They are closed with the server.
   */
  readonly sockets?: readonly object[] | undefined;
  /**
   * Protocols to serve. Default: both. With TLS the client chooses by ALPN. Without TLS, HTTP/2
   * needs prior knowledge and shares the port.
   */
  readonly protocols?: readonly HttpVersion[];
  /** Serves `https`. Default: no TLS. */
  readonly tls?: ServerTls;
  /** Maximum concurrent connections; others are closed at once. Default: no limit. */
  readonly maxConnections?: number;
  /**
   * Maximum concurrent connections per client address (IPv6: per /64); others are closed at once.
   * Do not use behind a load balancer, from which all connections come. Default: no limit.
   */
  readonly maxConnectionsPerClient?: number;
  /**
   * Protocols for which tunnels may be opened, over HTTP/1.1 and HTTP/2; `connect` allows the
   * CONNECT method. No layer sees the traffic of a tunnel, so protocols that carry HTTP are never
   * allowed. Over HTTP/1.1 an upgrade to any other protocol is ignored; CONNECT and the extended
   * CONNECT of HTTP/2 get 501. Default `["websocket"]`.
   */
  readonly upgrades?: readonly string[];
  /** Time limits for clients. */
  readonly limits?: ClientLimits;
  readonly clock?: Clock;
}
