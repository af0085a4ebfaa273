import type { Aborted, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse, TransportFault } from "@pagoda/http";
import { socketHost } from "@pagoda/http/grammar";
import { type TlsOptions, tlsOptions } from "@pagoda/transport";
import { undici, type UndiciOptions } from "@pagoda/undici";
import { buildConnector, Pool } from "undici";

export interface UndiciClientOptions extends Pick<
  UndiciOptions,
  "maxConnections" | "headersTimeoutMs" | "idleTimeoutMs"
> {
  /** TLS settings for an `https://` origin. */
  readonly tls?: TlsOptions;
  /** Connect timeout in milliseconds, including TLS. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds for which an idle connection is kept, as in `transport`. Default 4,000. */
  readonly keepAliveMs?: number;
}

/** A service that calls one origin over HTTP/1.1. */
export interface UndiciClient extends Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  /** Lets calls in flight finish, then closes the connections. New calls are refused. */
  close(): Promise<void>;
}

/**
 * Calls one origin through undici: for calls that the proxy makes for itself, such as fetching keys
 * or watching an API. Whatever the `Host` of a request, the name for SNI and the verification of the
 * certificate is the origin's.
 *
 * Import this module dynamically, when it is needed: undici takes 26 MB of memory and 0.2 s to load.
 */
export function undiciClient(origin: string, options: UndiciClientOptions = {}): UndiciClient {
  const { tls, connectTimeoutMs = 5_000, keepAliveMs = 4_000, ...limits } = options;
  const { maxConnections = 1_024 } = limits;
  const { protocol, hostname } = new URL(origin);
  const host = socketHost(hostname);
  const connect = buildConnector({
    ...(protocol === "https:" && tlsOptions(host, tls)),
    timeout: connectTimeoutMs,
    allowH2: false,
  });
  const pool = new Pool(origin, {
    connections: maxConnections,
    keepAliveTimeout: keepAliveMs,
    allowH2: false,
    // The connector knows the name; undici's own idea of it may come from a request.
    connect: (to, connected) => connect({ ...to, servername: "" }, connected),
  });
  // A constant, which keeps undici from opening another connection for each other `Host`.
  const service = undici(pool, { ...limits, maxConnections, origin, servername: host });
  return { ...service, close: () => pool.close() };
}
