import type { Clock } from "@pagoda/core";
import type { HttpRequest } from "../message.ts";
import type { ClientLimits } from "./client-limits.ts";
import type { ServerTls } from "./tls.ts";

/** What the server tells whoever counts and logs; each is called synchronously and must not throw. */
export interface ServerObserver {
  /** A connection was opened, or closed; `open` is how many there are now. */
  readonly connections?: (open: number, change: "opened" | "closed") => void;
  /** A connection was closed at once: there are as many as allowed. */
  readonly connectionRefused?: () => void;
  /** A connection did not become secure: no common version or cipher, a certificate that is not trusted, too slow. */
  readonly handshakeFailed?: (reason: string) => void;
  /** A request was answered here, before any layer: malformed, too large, too slow. */
  readonly requestRefused?: (status: number, reason: string) => void;
  /** The stack rejected or threw: a mistake in the program. The client got 500. */
  readonly defect?: (defect: unknown, request: HttpRequest) => void;
}

/** HTTP/1.1 (and 1.0), or HTTP/2. */
export type HttpVersion = "http1" | "http2";

export interface ServeOptions extends ServerObserver {
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Port to bind; 0 (the default) lets the system choose. */
  readonly port?: number;
  /** Whether other processes may listen at the same address, each for a part of the connections. Default false. */
  readonly reusePort?: boolean;
  /**
   * Bound sockets to accept connections on, instead of binding one: handles that `net.Server`'s `listen` takes. They are
   * closed with the server.
   */
  readonly sockets?: readonly object[] | undefined;
  /**
   * What is spoken, by default both: with TLS the client chooses (ALPN); without, HTTP/2 is for those that begin with
   * it (prior knowledge), on the same port.
   */
  readonly protocols?: readonly HttpVersion[];
  /** Serves `https`. Default: no TLS. */
  readonly tls?: ServerTls;
  /** Connections at once; further ones are closed. Default: no limit. */
  readonly maxConnections?: number;
  /**
   * Connections from one client address (IPv6: from its /64) at once; further ones are closed. Do not use behind a load
   * balancer: all connections are its own. Default: no limit.
   */
  readonly maxConnectionsPerClient?: number;
  /**
   * Protocols for which tunnels may be opened, over HTTP/1.1 and HTTP/2 alike; `connect` allows the CONNECT method. No layer
   * sees what goes through a tunnel, so protocols that carry HTTP are never allowed. Over HTTP/1.1 an upgrade to any other
   * protocol is ignored; CONNECT, and HTTP/2's extended CONNECT, get 501. Default `["websocket"]`.
   */
  readonly upgrades?: readonly string[];
  /** Time limits for clients. */
  readonly limits?: ClientLimits;
  readonly clock?: Clock;
}
