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
import { MirrorRoom } from "./room.ts";

/**
 * Why a call has no shadow:
 * - `not-ready`: the shadow was not ready;
 * - `in-flight`: `maxInFlight` shadow calls were under way;
 * - `too-long`: its body has more than `maxBytes`;
 * - `bytes`: copies of bodies had taken `maxTotalBytes`;
 * - `incomplete`: its body broke, or was not read to its end.
 */
export type SkipReason = "not-ready" | "in-flight" | "too-long" | "bytes" | "incomplete";

/** Told what happens, for metrics and logs. What it throws is counted, and goes no further. */
export interface MirrorObserver<in Req = HttpRequest> {
  /** The shadow was called. */
  readonly sent?: (shadow: Req) => void;
  /** It has given a response, after so many milliseconds. The body is not the observer's. */
  readonly answered?: (response: HttpResponse, ms: number) => void;
  /** It gave no response but an error, rejected or threw; `isTimeout`: its time was over. */
  readonly failed?: (error: unknown, ms: number, isTimeout: boolean) => void;
  /** A call that was chosen has no shadow. */
  readonly skipped?: (reason: SkipReason) => void;
}

export interface MirrorOptions<in Req extends HttpRequest = HttpRequest> {
  /** The shadow: a transport, or a stack with policies of its own. */
  readonly to: Service<Req, HttpResponse, unknown>;
  /** The share of the calls that are mirrored, chosen at random: 0 to 1. Default 1. */
  readonly ratio?: number;
  /** Whether a call may be mirrored at all, for instance by its method. Default: each may. */
  readonly select?: (request: Req) => boolean;
  /** Shadow calls at once: a whole number of 1 or more. Default 100. */
  readonly maxInFlight?: number;
  /** Bytes of a body that are copied: a whole number of 0 or more. Default 65,536. */
  readonly maxBytes?: number;
  /** Bytes that all copies may take at once: a whole number, `maxBytes` or more. Default 16,777,216. */
  readonly maxTotalBytes?: number;
  /** Bytes of a shadow's response that are read and thrown away: a whole number of 0 or more. Default 65,536. */
  readonly maxResponseBytes?: number;
  /** How long a shadow call may take, its response's body included: milliseconds, more than 0. Default 15,000. */
  readonly timeoutMs?: number;
  /** The field that marks a shadow call, with the value `true`; `false`: none. Default `x-shadow`. */
  readonly marker?: string | false;
  /** Where shadow calls and bytes are counted. Mirrors given the same one share their bounds. Default: one of its own. */
  readonly room?: MirrorRoom;
  readonly observer?: MirrorObserver<Req>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The options with their defaults. */
export type Settings<Req extends HttpRequest> = Required<Omit<MirrorOptions<Req>, "observer" | "select">> &
  Pick<MirrorOptions<Req>, "observer" | "select">;

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

/** @throws RangeError when an option is out of range. */
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
    room = new MirrorRoom(),
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
  checkOption("mirror: marker", marker, marker === false || token.test(marker), "a field name, or false");
  const limits = { ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker };
  return { to, ...limits, room, ...(select && { select }), ...(observer && { observer }), clock, random };
}
