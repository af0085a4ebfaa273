import type { Aborted, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse, TransportFault } from "@pagoda/http";
import { socketHost } from "@pagoda/http/grammar";
import { type TlsOptions, tlsOptions } from "@pagoda/transport";
import { undici, type UndiciOptions } from "@pagoda/undici";
import { buildConnector, type Dispatcher, errors, Pool, ProxyAgent } from "undici";

export interface UndiciClientOptions extends Pick<
  UndiciOptions,
  "maxConnections" | "headersTimeoutMs" | "idleTimeoutMs"
> {
  /** TLS settings for an `https://` origin. */
  readonly tls?: TlsOptions;
  /**
   * URL of an HTTP proxy, with its credentials. An `https://` origin is called through a tunnel; an
   * `http://` one gets its own authority as `Host`. Default: none.
   */
  readonly proxy?: string;
  /**
   * Connect timeout in milliseconds, including TLS; with a proxy, each of the connection to it, its
   * answer, and TLS. Default 5,000.
   */
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
 * Calls one origin through undici: for clusters with `client: undici`, and for calls that the proxy
 * makes for itself, such as fetching keys or watching an API. Whatever the `Host` of a request, the
 * name for SNI and the verification of the certificate is the origin's.
 *
 * Import this module dynamically, when it is needed: undici takes 26 MB of memory and 0.2 s to load.
 */
export function undiciClient(origin: string, options: UndiciClientOptions = {}): UndiciClient {
  const { maxConnections = 1_024, headersTimeoutMs, idleTimeoutMs, proxy, tls } = options;
  const { protocol, hostname, host } = new URL(origin);
  const isSecure = protocol === "https:";
  const { dispatcher, pool } = dispatcherFor(origin, { ...options, maxConnections });
  const service = undici(dispatcher, {
    origin,
    maxConnections,
    ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    // Keeps undici from opening another connection for each other `Host`.
    ...(isSecure && { servername: tls?.servername ?? socketHost(hostname) }),
  });
  // The proxy sees the whole URL, with which `Host` must agree.
  const toProxy = proxy !== undefined && !isSecure;
  return {
    ...service,
    call: toProxy ? (request, signal) => service.call({ ...request, authority: host }, signal) : service.call,
    describe: () => {
      const { name, options: its, state } = service.describe();
      const { connected = 0, free = 0 } = pool()?.stats ?? {};
      return {
        name,
        options: { ...its, ...(proxy !== undefined && { proxy: new URL(proxy).origin }) },
        state: { ...state, connections: connected, idle: free },
      };
    },
    close: () => dispatcher.close(),
  };
}

type Connecting = UndiciClientOptions & { readonly maxConnections: number };

/** The dispatcher for an origin, and its pool of connections once there is one. */
function dispatcherFor(
  origin: string,
  { tls, proxy, connectTimeoutMs = 5_000, keepAliveMs = 4_000, maxConnections }: Connecting,
): { readonly dispatcher: Dispatcher; readonly pool: () => Pool | undefined } {
  const { protocol, hostname } = new URL(origin);
  const terms = { connections: maxConnections, keepAliveTimeout: keepAliveMs, allowH2: false } as const;
  const ofOrigin = { ...(protocol === "https:" && tlsOptions(socketHost(hostname), tls)), allowH2: false };
  if (proxy === undefined) {
    const connect = buildConnector({ ...ofOrigin, timeout: connectTimeoutMs });
    // The connector knows the name; undici's own idea of it may come from a request.
    const pool = new Pool(origin, {
      ...terms,
      connect: (to, done) => connect({ ...to, servername: "" }, done),
    });
    return { dispatcher: pool, pool: () => pool };
  }
  let pool: Pool | undefined;
  const dispatcher = new ProxyAgent({
    uri: proxy,
    connectTimeout: connectTimeoutMs,
    proxyTls: { allowH2: false },
    requestTls: ofOrigin,
    // For CONNECT.
    clientFactory: (to, options) => new Pool(to, { ...blaming(options), headersTimeout: connectTimeoutMs }),
    factory(to, options) {
      const isProxy = protocol === "http:";
      return (pool = new Pool(to, { ...(isProxy ? blaming(options) : options), ...terms }));
    },
  });
  return { dispatcher, pool: () => pool };
}

/** Marks failures to connect as those of the proxy, which count against no origin. */
function blaming(options: object): Pool.Options {
  const { connect } = options as { readonly connect: buildConnector.connector };
  return {
    connect: (to, done) =>
      connect(to, (...[error, socket]) => {
        if (error === null) done(error, socket);
        else done(new errors.ProxyConnectionError(error), null);
      }),
  };
}
