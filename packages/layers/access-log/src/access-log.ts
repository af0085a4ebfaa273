import { isBodiless } from "@pagoda/http/grammar";
import {
  aborted,
  checkNumber,
  type Clock,
  type Either,
  type Fault,
  faultOf,
  isLeft,
  layer,
  type Layer,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type HttpResponse, isCutOff } from "@pagoda/http";
import type { Level, LevelWithSilent, Logger } from "pino";
import { type AccessEntry, Call, entryOf, type LoggedRequest } from "./entry.ts";
import { type CallEnd, levelOf } from "./level.ts";

/** The part of a pino logger that the layer uses. */
export type AccessLogger = Pick<Logger, "isLevelEnabled" | Level>;

/** Options of {@link accessLog}. */
export interface AccessLogOptions<in Req extends LoggedRequest = LoggedRequest> {
  /** Destination of the lines: a pino logger, or a child logger to label them. */
  readonly logger: AccessLogger;
  /** Level of a call's line; `silent` skips it. Default: {@link levelOf}. */
  readonly level?: (end: CallEnd, request: Req) => LevelWithSilent;
  /** Extra fields of a line. A field replaces the default one of the same name. */
  readonly fields?: (
    request: Req,
    response: HttpResponse | undefined,
    entry: AccessEntry,
  ) => Readonly<Record<string, unknown>>;
  /** Sampling ratio of the lines below `warn`: 0 to 1. Default 1. */
  readonly ratio?: number;
  /** Logs the query string, which may contain secrets. Default `false`. */
  readonly query?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Writes one log line per HTTP call: the client, the request, the outcome, the upstream, the
 * duration and, if the stack itself answered, the error behind the response with its cause. The
 * line is written when the response body ends, completely or not, or when the call ends without a
 * response.
 *
 * Place it outside `respond`, to see the responses made from errors, and inside the layer that sets
 * the request id and the client.
 *
 * Exceptions thrown by the logger or by a callback are counted and do not affect the call. Control
 * characters in untrusted strings are escaped, so they can neither forge a line nor control a
 * terminal.
 *
 * Errors: none.
 *
 * Cost per call: about 0.6 µs, plus about 2 µs for a line that is written, most of it pino's. Next
 * to nothing with a silent logger.
 *
 * @throws RangeError when `ratio` is out of range.
 */
export function accessLog<Req extends LoggedRequest = LoggedRequest>({
  logger,
  level = levelOf,
  fields,
  ratio = 1,
  query = false,
  clock = systemClock,
  random = systemRandom,
}: AccessLogOptions<Req>): Layer<Req, unknown, never, never, never, HttpResponse> {
  checkNumber("access-log: ratio", ratio, { min: 0, max: 1 });
  let inFlight = 0;
  let lines = 0;
  let defects = 0;

  function isOff(): boolean {
    try {
      return !logger.isLevelEnabled("fatal");
    } catch {
      defects++;
      return true;
    }
  }

  function levelFor(end: CallEnd, request: Req): LevelWithSilent {
    try {
      return level(end, request);
    } catch {
      defects++;
      return levelOf(end);
    }
  }

  function withFields({ request, response }: Call<Req>, entry: AccessEntry): object {
    if (fields === undefined) return entry;
    try {
      return { ...entry, ...fields(request, response, entry) };
    } catch {
      defects++;
      return entry;
    }
  }

  /** Decides whether to write before it builds the entry. */
  function write(call: Call<Req>, end: CallEnd): void {
    const at = levelFor(end, call.request);
    if (at === "silent" || !logger.isLevelEnabled(at)) return;
    if (ratio < 1 && !alwaysWritten.has(at) && random() >= ratio) return;
    const entry = entryOf(call, end, query);
    logger[at](withFields(call, entry), `${entry.method} ${entry.path} ${end.status ?? end.outcome}`);
    lines++;
  }

  function over(call: Call<Req>, outcome: CallEnd["outcome"], fault?: Fault): void {
    inFlight--;
    const durationMs = clock.now() - call.startedAt;
    // A failure to log must not surface in the middle of a call or a body.
    try {
      write(call, { outcome, status: call.response?.status, fault, durationMs });
    } catch {
      defects++;
    }
  }

  /** Distinguishes a client's abort from a cut-off by the server. */
  function left(call: Call<Req>, fault: Fault | undefined): void {
    const { signal } = call;
    if (isCutOff(signal?.reason)) over(call, "cutOff", fault ?? aborted(signal));
    else over(call, "aborted", fault);
  }

  function answered(call: Call<Req>, response: HttpResponse, fault: Fault | undefined): void {
    call.response = response;
    call.headMs = clock.now() - call.startedAt;
    const { body, status } = response;
    body.observe((complete) => {
      if (complete) {
        if (fault?._tag === "Aborted") left(call, fault);
        else over(call, "complete", fault);
        return;
      }
      // The body may be cancelled before the signal is aborted, in the same tick.
      queueMicrotask(() => {
        if (fault?._tag === "Aborted" || call.signal?.aborted) left(call, fault);
        else over(call, isBodiless(call.request.method, status) ? "complete" : "broken", fault);
      });
    });
  }

  function settled(call: Call<Req>, result: Either<unknown, HttpResponse>): void {
    const fault = faultOf(result);
    if (!isLeft(result)) return answered(call, result.right, fault);
    if (fault?._tag === "Aborted") return left(call, fault);
    if (fault === undefined) call.defect = result.left;
    over(call, "error", fault);
  }

  return layer<Req, unknown, never, never, never, HttpResponse>("access-log", (inner) => ({
    options: { ratio, query },
    state: () => ({ inFlight, lines, defects }),
    call(request, signal) {
      if (isOff()) return inner.call(request, signal);
      const call = new Call(request, signal, clock.now());
      inFlight++;
      const broke = (defect: unknown): never => {
        call.defect = defect;
        over(call, "defect");
        throw defect;
      };
      try {
        return inner.call(request, signal).then((result) => {
          settled(call, result);
          return result;
        }, broke);
      } catch (defect) {
        return broke(defect);
      }
    },
  }));
}

/** Levels that are never sampled. */
const alwaysWritten: ReadonlySet<string> = new Set(["warn", "error", "fatal"]);
