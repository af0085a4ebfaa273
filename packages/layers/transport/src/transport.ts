import { socketHost } from "@pagoda/http/grammar";
import {
  type Aborted,
  aborted,
  checkInteger,
  checkOneOf,
  left,
  maxTimerMs,
  rangeError,
  type Service,
  systemClock,
  WaitList,
} from "@pagoda/core";
import {
  type HttpRequest,
  type HttpResponse,
  isUnread,
  type TransportFault,
  type Try,
  tryBegan,
  tryEnded,
} from "@pagoda/http";
import type { Origin, Result } from "./call.ts";
import { closed, unsendable } from "./faults.ts";
import { Http2Pool } from "./http2/pool.ts";
import { Pool } from "./pool.ts";
import type { Unsendable } from "./unsendable.ts";
import { type TlsOptions, tlsOptions } from "./tls-options.ts";

export interface TransportOptions {
  /**
   * Protocol of the origin. Default `http1`. `http2` uses prior knowledge (h2c) with an `http://`
   * origin and ALPN with an `https://` one. There is no fallback: an origin that does not offer
   * HTTP/2 is a {@link ConnectFailed}.
   */
  readonly protocol?: "http1" | "http2";
  /**
   * Maximum concurrent calls; with HTTP/1.1 also the maximum connections in use. Default 1,024, as
   * in Envoy.
   */
  readonly maxConnections?: number;
  /** Connect timeout in milliseconds, including TLS. Default 5,000, as in Envoy. */
  readonly connectTimeoutMs?: number;
  /**
   * Milliseconds from the end of the request to the response headers; 0 for no limit. Default
   * 15,000.
   */
  readonly headersTimeoutMs?: number;
  /**
   * Milliseconds without a byte of the response body, or of a tunnel in both directions; 0 for no
   * limit. Default 300,000.
   */
  readonly idleTimeoutMs?: number;
  /**
   * Milliseconds for which an idle connection is kept if the origin sends no `Keep-Alive: timeout`.
   * Default 4,000, shorter than common server timeouts.
   */
  readonly keepAliveMs?: number;
  /**
   * Milliseconds without a byte from an HTTP/2 origin, with calls in flight, before a PING is sent.
   * Without an answer for as long again the connection is closed and its calls fail. 0 for never.
   * Default 10,000.
   */
  readonly pingMs?: number;
  readonly tls?: TlsOptions;
}

/** A service that calls one origin. */
export interface Transport extends Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  /**
   * Lets calls in flight finish, including bodies, then closes the connections. New calls are
   * refused.
   */
  close(): Promise<void>;
}

/**
 * Calls one origin over a pool of connections: the innermost service of a client or proxy. HTTP/1.1
 * has one call at a time per connection, HTTP/2 as many as the origin allows.
 *
 * The request's target and `Host` are sent unchanged; the URL only decides where to connect. The
 * call settles with the response headers. The body follows with backpressure and must be read or
 * cancelled. An abort before the headers closes the connection, or the stream with HTTP/2; after
 * them, cancelling the body does.
 *
 * An upgrade or CONNECT opens a tunnel if the origin agrees. The request body is then the client's
 * side and the response body the origin's side, and the call is in flight until both have ended.
 *
 * Each call is recorded in the request's notes: the upstream and one more try when it begins, the
 * upstream again, with the status or fault, when it is answered. After retries and hedges the notes
 * name the upstream whose response or fault it is.
 *
 * Errors: {@link TransportFault} and {@link Aborted}.
 *
 * @param url The origin: `http://host:port` or `https://host:port`, without a path.
 * @throws RangeError if the URL or an option is invalid.
 */
export function transport(url: string, options: TransportOptions = {}): Transport {
  const origin = parseOrigin(url);
  const {
    protocol = "http1",
    maxConnections = 1_024,
    connectTimeoutMs = 5_000,
    headersTimeoutMs = 15_000,
    idleTimeoutMs = 300_000,
    keepAliveMs = 4_000,
    pingMs = 10_000,
  } = options;
  checkOneOf("transport: protocol", protocol, ["http1", "http2"]);
  checkOptions({ maxConnections, connectTimeoutMs, keepAliveMs }, 1);
  checkOptions({ headersTimeoutMs, idleTimeoutMs, pingMs }, 0);
  const isSecure = origin.protocol === "https:";
  // Checked for `http://` origins, too, although unused.
  const tls = isSecure || options.tls ? tlsOptions(socketHost(origin.hostname), options.tls) : undefined;

  const shared: Origin = { upstream: origin.origin, headersTimeoutMs };
  const terms = {
    host: socketHost(origin.hostname),
    port: Number(origin.port) || (isSecure ? 443 : 80),
    tls: isSecure ? tls : undefined,
    connectTimeoutMs,
    headersTimeoutMs,
    idleTimeoutMs,
    pingMs,
  };
  const pool =
    protocol === "http1" ? new Pool(shared, terms, keepAliveMs) : new Http2Pool(shared, terms, keepAliveMs);
  let inFlight = 0;
  let closing: Promise<void> | undefined;
  const waiting = new WaitList(() => inFlight < maxConnections);

  const over = (): void => {
    inFlight--;
    waiting.wake();
  };

  return {
    ready: () => waiting.ready(),
    call(request, signal) {
      if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
      if (closing !== undefined) return Promise.resolve(left(closed(shared.upstream, isUnread(request))));
      if (inFlight >= maxConnections) {
        const { upstream } = shared;
        return Promise.resolve(
          left({ _tag: "PoolExhausted", origin: "local", retryable: true, upstream, maxConnections }),
        );
      }
      inFlight++;
      const { notes } = request;
      return new Promise((resolve) => {
        let began: Try | undefined;
        const settle = (result: Result | Promise<never>): void => {
          const answer = result instanceof Promise ? undefined : result;
          began ??= tryBegan(notes, shared.upstream, systemClock.now());
          tryEnded(notes, began, answer, systemClock.now(), signal?.aborted === true);
          resolve(result);
        };
        try {
          pool.call(request, signal, settle, over);
        } catch (error) {
          over();
          resolve(left(unsendable(error as Unsendable)));
          return;
        }
        began ??= tryBegan(notes, shared.upstream, systemClock.now());
      });
    },
    describe: () => ({
      name: "transport",
      options: {
        upstream: shared.upstream,
        protocol,
        maxConnections,
        connectTimeoutMs,
        headersTimeoutMs,
        idleTimeoutMs,
        keepAliveMs,
        ...(protocol === "http2" && { pingMs }),
      },
      state: { inFlight, waiting: waiting.size, ...pool.counts },
    }),
    close: () => (closing ??= pool.close()),
  };
}

function parseOrigin(url: string): URL {
  const parsed = URL.parse(url);
  const bare =
    parsed !== null &&
    (parsed.protocol === "http:" || parsed.protocol === "https:") &&
    parsed.pathname === "/" &&
    parsed.port !== "0" &&
    parsed.search === "" &&
    parsed.hash === "" &&
    parsed.username === "" &&
    parsed.password === "";
  if (!bare) throw rangeError("transport: url", "http://host:port or https://host:port", url);
  return parsed;
}

function checkOptions(options: Readonly<Record<string, number>>, min: number): void {
  for (const [name, value] of Object.entries(options))
    checkInteger(`transport: ${name}`, value, { min, max: maxTimerMs });
}
