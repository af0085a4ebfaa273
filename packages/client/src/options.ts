import type { CircuitBreakerOptions } from "@pagoda/circuit-breaker";
import type { LimitAlgorithm } from "@pagoda/concurrency-limit";
import {
  checkDuration,
  checkInteger,
  checkNumber,
  type Clock,
  type Layer,
  type Random,
  type Service,
} from "@pagoda/core";
import type { DecompressOptions } from "@pagoda/decompress";
import type { HttpRequest, HttpResponse, RequestInput } from "@pagoda/http";
import type { FollowRedirectsOptions } from "@pagoda/follow-redirects";
import type { HedgeOptions } from "@pagoda/hedge";
import type { RetryOptions } from "@pagoda/retry";

/** A service that calls one origin. */
export interface Connected<out Err = unknown> extends Service<HttpRequest, HttpResponse, Err> {
  /** Frees what it holds: called when the host has been idle for long, and by the client's `close`. */
  readonly close?: () => Promise<unknown>;
}

/**
 * Makes the service that calls an origin.
 *
 * @param origin `http://host:port` or `https://host`, without a path.
 */
export type Connect<Err = unknown> = (origin: string) => Connected<Err>;

/** The retry policy: see `retry`. */
export interface RetryPolicy extends RetryOptions {
  /**
   * Methods that are retried. Default: the idempotent ones: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
   * Requests with an `Idempotency-Key` are retried whatever their method.
   */
  readonly methods?: readonly string[];
}

/** How many calls to one host are in flight, and how many wait. */
export interface ConcurrencyOptions {
  /**
   * Maximum number of attempts in flight to one host: an integer of at least 1, or an algorithm of
   * `@pagoda/concurrency-limit` that adapts it. Default 100.
   */
  readonly limit?: number | LimitAlgorithm;
  /** Maximum number of attempts that wait for a slot, for each host: at least 1. Default 1,000. */
  readonly queue?: number;
  /** Longest wait for a slot, in milliseconds: over 0, below 2³¹. Default 30,000. */
  readonly maxWaitMs?: number;
}

/** A layer of the user, such as `metrics()` or `clientSpan()`. */
type Own = Layer<HttpRequest, unknown, unknown, never, HttpResponse, HttpResponse>;

/**
 * Options of `client`. Each policy can be turned off with `false`.
 *
 * @typeParam Err The errors of the service that `connect` makes.
 */
export interface ClientOptions<out Err = unknown> {
  /**
   * An http or https URL without a query. Its path is kept: with `https://example.com/v1`, `/users`
   * is `https://example.com/v1/users`.
   */
  readonly baseUrl?: string;
  /**
   * Whether calls may go to any host, each with its own policies and connections. Default: only if
   * there is no `baseUrl`. `idleMs` is how long a host without calls is kept, in milliseconds (over
   * 0, default 300,000: as long as a circuit stays open at most), and `maxHosts` how many are kept
   * (at least 1, default 1,000).
   */
  readonly perHost?: boolean | { readonly idleMs?: number; readonly maxHosts?: number };
  /**
   * Fields of every request that does not have them. With a `baseUrl`, other hosts do not get them,
   * so that they see no credentials.
   */
  readonly headers?: RequestInput["headers"];
  /**
   * Limit for a call with all its attempts, in milliseconds: over 0. Reading the body is included,
   * unless it streams. Default 30,000.
   */
  readonly timeoutMs?: number | false;
  /** The same for a single attempt. Default 10,000. */
  readonly tryTimeoutMs?: number | false;
  /**
   * Follows redirects, up to 20 by default, to hosts that the client may call. `headers` are not sent to
   * another origin.
   */
  readonly redirects?: FollowRedirectsOptions | false;
  /** Asks for compressed responses and decompresses them, within limits against bombs. */
  readonly decompress?: DecompressOptions | false;
  /** Default: three attempts, with waits of up to 100 ms, then 200 ms, within a budget. */
  readonly retry?: RetryPolicy | false;
  /** A circuit breaker for each host. Default: that of `@pagoda/circuit-breaker`. */
  readonly circuitBreaker?: CircuitBreakerOptions | false;
  /** A limit for each host, and a queue in front of it. */
  readonly concurrency?: ConcurrencyOptions | false;
  /** Sends slow requests that may be repeated a second time. Default: off. */
  readonly hedge?: HedgeOptions | boolean;
  /** Maximum length of a response body that is read as a whole, in bytes: 0 or more. Default 1,048,576. */
  readonly maxBytes?: number;
  /** A layer around each call, such as `metrics()`: it sees how the call ended after all attempts. */
  readonly perCall?: Own;
  /** A layer around each attempt, such as `clientSpan()`. */
  readonly perTry?: Own;
  /** Makes the service for an origin. Default: `transport` of `@pagoda/transport`. */
  readonly connect?: Connect<Err>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options that the layers do not check themselves, with their defaults. */
export interface HostLimits {
  readonly idleMs: number;
  readonly maxHosts: number;
}

/** @throws RangeError if an option is out of range. */
export function hostLimits({
  baseUrl,
  perHost = baseUrl === undefined,
}: ClientOptions): HostLimits | undefined {
  if (perHost === false) {
    if (baseUrl === undefined) throw new RangeError("client: baseUrl is required with perHost: false");
    return undefined;
  }
  const { idleMs = 300_000, maxHosts = 1_000 } = perHost === true ? {} : perHost;
  checkDuration("client: perHost.idleMs", idleMs);
  checkInteger("client: perHost.maxHosts", maxHosts, { min: 1 });
  return { idleMs, maxHosts };
}

/** @throws RangeError if it is out of range. */
export function checkMaxBytes(maxBytes: number): void {
  checkNumber("client: maxBytes", maxBytes, { min: 0, max: Infinity });
}
