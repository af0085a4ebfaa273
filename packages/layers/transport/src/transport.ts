import {
  aborted,
  type Aborted,
  checkInteger,
  checkOneOf,
  longestTimerMs,
  rangeError,
  type Service,
  WaitList,
} from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { left } from "fp-ts/lib/Either.js";
import type { Origin } from "./call.ts";
import { closed, type TransportFault, unsendable } from "./faults.ts";
import { Http2Pool } from "./http2/pool.ts";
import { Pool } from "./pool.ts";
import type { Unsendable } from "./unsendable.ts";
import { type TlsOptions, tlsOptions } from "./tls-options.ts";

export interface TransportOptions {
  /**
   * What is spoken with the origin; nothing is negotiated. Default `http1`. `http2` to an `http://` origin is by prior
   * knowledge (h2c), to an `https://` one by ALPN: an origin that offers no HTTP/2 there is a {@link ConnectFailed}.
   */
  readonly protocol?: "http1" | "http2";
  /** Calls at once; with HTTP/1.1 so many connections are in use, too. Default 1,024, Envoy's. */
  readonly maxConnections?: number;
  /** Milliseconds to connect, TLS included. Default 5,000, Envoy's. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds from the request being sent to the response's head; 0: no limit. Default 15,000. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds without a byte of the response's body, or of a tunnel in either direction; 0: no limit. Default 300,000. */
  readonly idleTimeoutMs?: number;
  /**
   * Milliseconds that an unused connection is kept, where the origin does not say `Keep-Alive: timeout`. Default
   * 4,000: shorter than what servers commonly keep.
   */
  readonly keepAliveMs?: number;
  /**
   * Milliseconds without a byte from an HTTP/2 origin, with calls under way, after which a PING is sent. Without an answer for
   * as long again the connection is closed and its calls fail. 0: never. Default 10,000.
   */
  readonly pingMs?: number;
  readonly tls?: TlsOptions;
}

/** A service that calls one origin. */
export interface Transport extends Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  /** Lets the calls under way finish, bodies included, then closes the connections. Further calls are refused. */
  close(): Promise<void>;
}

/**
 * Calls one origin over a pool of connections: the innermost service of a client or a proxy. HTTP/1.1 has one call at a
 * time on a connection, HTTP/2 as many as the origin allows.
 *
 * The request's target and `Host` are sent as they are; only the connection goes to the origin. The call settles with
 * the response's head. The body follows with backpressure; who does not read it cancels it. An abort before the
 * head closes the connection, or with HTTP/2 the stream; after it, cancelling the body does.
 *
 * An upgrade, and CONNECT, open a tunnel where the origin agrees: the request's body is then what the client says, the
 * response's what the origin says, and the call is under way until both have ended.
 *
 * Each call is written into the request's notes, where it has any: the upstream, and one more try.
 *
 * Errors: {@link TransportFault}, and {@link Aborted}.
 *
 * @param url The origin: `http://host:port` or `https://host:port`, nothing after it.
 * @throws RangeError when the URL or an option makes no sense.
 */
export function transport(url: string, options: TransportOptions = {}): Transport {
  const origin = parseOrigin(url);
  const { protocol = "http1" } = options;
  checkOneOf("transport: protocol", protocol, ["http1", "http2"]);
  const maxConnections = whole(1, "maxConnections", options.maxConnections ?? 1_024);
  const connectTimeoutMs = whole(1, "connectTimeoutMs", options.connectTimeoutMs ?? 5_000);
  const headersTimeoutMs = whole(0, "headersTimeoutMs", options.headersTimeoutMs ?? 15_000);
  const idleTimeoutMs = whole(0, "idleTimeoutMs", options.idleTimeoutMs ?? 300_000);
  const keepAliveMs = whole(1, "keepAliveMs", options.keepAliveMs ?? 4_000);
  const pingMs = whole(0, "pingMs", options.pingMs ?? 10_000);
  const isSecure = origin.protocol === "https:";
  // Checked for a plain origin, too, which does not use it.
  const tls = isSecure || options.tls ? tlsOptions(bareHost(origin), options.tls) : undefined;

  const shared: Origin = { upstream: origin.origin, headersTimeoutMs };
  const terms = {
    host: bareHost(origin),
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
      if (closing !== undefined) return Promise.resolve(left(closed(shared.upstream, request.body.canRead)));
      if (inFlight >= maxConnections) {
        const { upstream } = shared;
        return Promise.resolve(
          left({ _tag: "PoolExhausted", origin: "local", retryable: true, upstream, maxConnections }),
        );
      }
      inFlight++;
      return new Promise((resolve) => {
        try {
          pool.call(request, signal, resolve, over);
        } catch (error) {
          over();
          resolve(left(unsendable(error as Unsendable)));
          return;
        }
        const { notes } = request;
        if (notes === undefined) return;
        notes.upstream = shared.upstream;
        notes.tries++;
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

/** The host of an origin without the brackets of an IPv6 address. */
function bareHost({ hostname }: URL): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function whole(min: number, name: string, value: number): number {
  checkInteger(`transport: ${name}`, value, { min, max: longestTimerMs });
  return value;
}
