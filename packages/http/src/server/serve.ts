import type { Clock, Fault, Service } from "@pagoda/core";
import type { Either } from "fp-ts/lib/Either.js";
import type { HttpRequest, HttpResponse } from "../message.ts";
import type { ClientLimits } from "./client-limits.ts";
import { Listener } from "./listener.ts";
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

/**
 * Serves a stack over HTTP/1.1 and HTTP/2. It takes only a stack whose errors are all answered: the error type is
 * `never`.
 *
 * It does not wait for the stack's readiness: a call that cannot be admitted gets its layer's refusal, and who
 * wants to wait puts a buffer into the stack. What each connection may cost is bounded: 60 KiB and 100 fields of
 * headers, 10 s for a TLS handshake, 1,000 requests waiting for responses (HTTP/2: 100 streams), of which HTTP/1.1 runs
 * up to 8 safe ones at once and others one at a time; and time ({@link ClientLimits}). An HTTP/2 client may cancel 1,000
 * requests in a burst and 33 a second. A response that its client does not take waits here, up to 256 KiB each and 32 MiB in
 * all, so that its source is free; a longer one makes its source wait, until the client is too slow.
 *
 * An HTTP/1.1 client that half-closes its connection counts as gone, as in nginx and Envoy, and its calls are aborted: it
 * cannot be told from one that has closed the connection.
 *
 * Tunnels (WebSocket, CONNECT) open only for the protocols in `upgrades`.
 *
 * @throws RangeError for TLS that cannot work: no certificate, one that is none, a key that does not fit, unknown ciphers;
 * for upgrades to HTTP, and for limits out of range.
 */
export function serve(
  stack: Service<HttpRequest, HttpResponse, never>,
  options: ServeOptions = {},
): Promise<Either<ListenFailed, HttpServer>> {
  const { host = "127.0.0.1", port = 0, reusePort = false, sockets = [] } = options;
  return new Listener(stack, options).listen(host, port, reusePort, sockets);
}
