import { type Clock, type Random, type Service, systemClock, systemRandom } from "@pagoda/core";
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

/** The longest time that timers of the platform can take. */
const maxMs = 2_147_483_647;
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
  if (!(ratio >= 0 && ratio <= 1)) throw new RangeError(`mirror: ratio is ${ratio}; valid is 0 to 1`);
  whole("maxInFlight", maxInFlight, 1);
  whole("maxBytes", maxBytes, 0);
  whole("maxResponseBytes", maxResponseBytes, 0);
  if (!(Number.isSafeInteger(maxTotalBytes) && maxTotalBytes >= maxBytes))
    throw new RangeError(
      `mirror: maxTotalBytes is ${maxTotalBytes}; valid is a whole number from maxBytes, ${maxBytes}`,
    );
  if (!(timeoutMs > 0 && timeoutMs <= maxMs))
    throw new RangeError(`mirror: timeoutMs is ${timeoutMs}; valid is more than 0, at most ${maxMs}`);
  if (marker !== false && !token.test(marker))
    throw new RangeError(`mirror: marker is "${marker}"; valid is the name of a field, or false`);
  const limits = { ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker };
  return { to, ...limits, room, ...(select && { select }), ...(observer && { observer }), clock, random };
}

function whole(name: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new RangeError(`mirror: ${name} is ${value}; valid is a whole number of ${least} or more`);
}
