import {
  checkDuration,
  checkInteger,
  checkNumber,
  checkOption,
  type Clock,
  type Random,
  type Service,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";
import { MirrorUsage } from "./usage.ts";

/**
 * Why a call was not mirrored:
 * - `not-ready`: the shadow was not ready;
 * - `in-flight`: `maxInFlight` shadow calls were in flight;
 * - `too-long`: the body is larger than `maxBytes`;
 * - `bytes`: all copies together reached `maxTotalBytes`;
 * - `incomplete`: the body broke off, or was not read to its end.
 */
export type SkipReason = "not-ready" | "in-flight" | "too-long" | "bytes" | "incomplete";

/** Receives events, for metrics and logs. Exceptions are counted and suppressed. */
export interface MirrorObserver<in Req = HttpRequest> {
  /** The shadow was called. */
  readonly sent?: (shadow: Req) => void;
  /** The shadow responded after `ms` milliseconds. The observer must not read the body. */
  readonly answered?: (response: HttpResponse, ms: number) => void;
  /** The shadow returned an error, rejected, threw or exceeded its time limit (`isTimeout`). */
  readonly failed?: (error: unknown, ms: number, isTimeout: boolean) => void;
  /** A selected call was not mirrored. */
  readonly skipped?: (reason: SkipReason) => void;
}

export interface MirrorOptions<in Req extends HttpRequest = HttpRequest> {
  /** The shadow: a transport, or a stack with its own policies. */
  readonly to: Service<Req, HttpResponse, unknown>;
  /** Share of the calls to mirror, chosen at random: 0 to 1. Default 1. */
  readonly ratio?: number;
  /** Returns whether a call may be mirrored, for example by method. Default: all calls. */
  readonly select?: (request: Req) => boolean;
  /** Maximum concurrent shadow calls: an integer of at least 1. Default 100. */
  readonly maxInFlight?: number;
  /** Maximum bytes of a copied request body: an integer of at least 0. Default 65,536. */
  readonly maxBytes?: number;
  /**
   * Maximum bytes of all copies together: an integer of at least `maxBytes`. Default 16,777,216.
   */
  readonly maxTotalBytes?: number;
  /**
   * Bytes of a shadow's response to read and discard; a longer one is cancelled: at least 0.
   * Default 65,536.
   */
  readonly maxResponseBytes?: number;
  /**
   * Time limit of a shadow call, including the response body: milliseconds, over 0. Default 15,000.
   */
  readonly timeoutMs?: number;
  /** Header field set to `true` in shadow requests; `false` for none. Default `x-shadow`. */
  readonly marker?: string | false;
  /** Usage counters. Mirrors with the same object share their limits. Default: one per layer. */
  readonly usage?: MirrorUsage;
  readonly observer?: MirrorObserver<Req>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with defaults applied. */
export type Settings<Req extends HttpRequest> = Required<Omit<MirrorOptions<Req>, "observer" | "select">> &
  Pick<MirrorOptions<Req>, "observer" | "select">;

/** @throws RangeError if an option is out of range. */
export function checked<Req extends HttpRequest>(options: MirrorOptions<Req>): Settings<Req> {
  const {
    to,
    ratio = 1,
    select,
    maxInFlight = 100,
    maxBytes = 65_536,
    maxTotalBytes = Math.max(16_777_216, maxBytes),
    maxResponseBytes = 65_536,
    timeoutMs = 15_000,
    marker = "x-shadow",
    usage = new MirrorUsage(),
    observer,
    clock = systemClock,
    random = systemRandom,
  } = options;
  checkNumber("mirror: ratio", ratio, { min: 0, max: 1 });
  checkInteger("mirror: maxInFlight", maxInFlight, { min: 1 });
  checkInteger("mirror: maxBytes", maxBytes, { min: 0 });
  checkInteger("mirror: maxResponseBytes", maxResponseBytes, { min: 0 });
  checkInteger("mirror: maxTotalBytes", maxTotalBytes, { min: { maxBytes } });
  checkDuration("mirror: timeoutMs", timeoutMs);
  checkOption("mirror: marker", marker, marker === false || isToken(marker), "a field name, or false");
  const limits = { ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker };
  return { to, ...limits, usage, ...(select && { select }), ...(observer && { observer }), clock, random };
}
