import {
  type Aborted,
  aborted,
  checkInteger,
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
  requestsTunnel,
  type TransportFault,
  tryBegan,
  tryEnded,
} from "@pagoda/http";
import type { Dispatcher } from "undici";
import { Call } from "./call.ts";
import { dispatchOptions, type Target } from "./dispatch-options.ts";
import { unsendable } from "./faults.ts";
import type { Unsendable } from "./unsendable.ts";

export interface UndiciOptions {
  /**
   * The origin of all calls, `http://host:port` or `https://host:port`, whatever authority the
   * requests name. Default: each request's own scheme and authority. A `Client` or `Pool` always
   * connects to its own origin; name the same one here.
   */
  readonly origin?: string;
  /**
   * Name for SNI and the verification of the certificate, with an `https://` origin. Default: the
   * host of `origin`, unless that is an IP address.
   */
  readonly servername?: string;
  /**
   * Maximum concurrent calls. Default 1,024. Keep it at or below the connections of the dispatcher,
   * which would otherwise queue calls without a limit.
   */
  readonly maxConnections?: number;
  /**
   * Milliseconds from the end of the request to the response headers; 0 for no limit. Default
   * 15,000. Replaces the dispatcher's `headersTimeout`.
   */
  readonly headersTimeoutMs?: number;
  /**
   * Milliseconds without a byte of the response body; 0 for no limit. Default 300,000. Replaces the
   * dispatcher's `bodyTimeout`.
   */
  readonly idleTimeoutMs?: number;
}

/**
 * Returns a leaf service that sends each call through a dispatcher of undici 8: an `Agent`, `Pool`,
 * `Client`, `ProxyAgent`, `EnvHttpProxyAgent` or `MockAgent`, with or without interceptors. For
 * calls through an HTTP proxy, for tests with mocks, and for programs that have a dispatcher
 * already.
 *
 * Bodies stream both ways with backpressure. The call settles with the response headers. An abort
 * before them, or cancelling the body after them, closes the connection, or the stream with HTTP/2.
 * The dispatcher stays the caller's: close it when the last call has ended.
 *
 * A `RetryAgent` is not supported: it would repeat requests behind the layers that decide about
 * that, and joins parts of several responses to one body. Use `retry` and `replay`.
 *
 * Each call is recorded in the request's notes, as by `transport`.
 *
 * Errors: {@link TransportFault} and {@link Aborted}.
 *
 * @throws RangeError if an option is invalid.
 */
export function undici(
  dispatcher: Dispatcher,
  options: UndiciOptions = {},
): Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  const { maxConnections = 1_024, headersTimeoutMs = 15_000, idleTimeoutMs = 300_000 } = options;
  checkInteger("undici: maxConnections", maxConnections, { min: 1, max: maxTimerMs });
  checkInteger("undici: headersTimeoutMs", headersTimeoutMs, { min: 0, max: maxTimerMs });
  checkInteger("undici: idleTimeoutMs", idleTimeoutMs, { min: 0, max: maxTimerMs });
  const target: Target = {
    origin: options.origin === undefined ? undefined : parseOrigin(options.origin),
    servername: options.servername,
    headersTimeoutMs,
    idleTimeoutMs,
  };
  let inFlight = 0;
  const waiting = new WaitList(() => inFlight < maxConnections);

  const over = (): void => {
    inFlight--;
    waiting.wake();
  };

  return {
    ready: () => waiting.ready(),
    call(request, signal) {
      if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
      const { notes } = request;
      const upstream = target.origin?.origin ?? `${request.scheme}://${request.authority}`;
      if (inFlight >= maxConnections)
        return Promise.resolve(
          left({ _tag: "PoolExhausted", origin: "local", retryable: true, upstream, maxConnections }),
        );
      if (requestsTunnel(request))
        return Promise.resolve(
          left({ _tag: "UpgradeUnsupported", origin: "local", retryable: false, upstream }),
        );
      let sent;
      try {
        sent = dispatchOptions(request, target);
      } catch (error) {
        return Promise.resolve(left(unsendable(error as Unsendable)));
      }
      inFlight++;
      const began = tryBegan(notes, upstream, systemClock.now());
      return new Promise((resolve) => {
        const call = new Call(
          { upstream, headersTimeoutMs },
          request,
          signal,
          (result) => {
            const answer = result instanceof Promise ? undefined : result;
            tryEnded(notes, began, answer, systemClock.now(), signal?.aborted === true);
            resolve(result);
          },
          over,
        );
        call.start(dispatcher, sent);
      });
    },
    describe: () => ({
      name: "undici",
      options: {
        ...(target.origin !== undefined && { origin: target.origin.origin }),
        ...(target.servername !== undefined && { servername: target.servername }),
        maxConnections,
        headersTimeoutMs,
        idleTimeoutMs,
      },
      state: { inFlight, waiting: waiting.size },
    }),
  };
}

function parseOrigin(url: string): URL {
  const parsed = URL.parse(url);
  const isBare =
    parsed !== null &&
    (parsed.protocol === "http:" || parsed.protocol === "https:") &&
    parsed.href === `${parsed.origin}/` &&
    parsed.port !== "0";
  if (!isBare) throw rangeError("undici: origin", "http://host:port or https://host:port", url);
  return parsed;
}
