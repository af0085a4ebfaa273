import {
  checkDuration,
  type Clock,
  discardResponse,
  type Fault,
  layer,
  type Layer,
  Scope,
  systemClock,
  timeoutError,
} from "@pagoda/core";
import { isRight, left } from "fp-ts/lib/Either.js";
import { type Deadline, Deadlines } from "./deadlines.ts";

/**
 * No answer in time. Counts against the upstream, unless this process was stalled when the time ran
 * out. Then the origin is `local`.
 */
export interface TimedOut extends Fault<"TimedOut"> {
  readonly afterMs: number;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface TimeoutObserver {
  /** A call timed out after `afterMs` milliseconds. */
  readonly timedOut?: (afterMs: number) => void;
}

export interface TimeoutOptions<Req> {
  /** Time limit of a call: milliseconds, over 0, at most 2,147,483,647. */
  readonly ms: number;
  /**
   * Controls when the time counts: `start` starts it from zero, `stop` stops it. Default: it starts
   * with the call. For large HTTP uploads, `body.watch` reports when the client is the slow side;
   * see the README.
   */
  readonly startWhen?: (request: Req, start: () => void, stop: () => void) => void;
  readonly observer?: TimeoutObserver;
  readonly clock?: Clock;
}

/**
 * Limits the time from a call to its answer. On expiry the call ends with {@link TimedOut}, the
 * inner call is aborted (with a `TimeoutError` whose cause is the fault) and its late result
 * discarded. The rest of the response body is not limited. Inner layers see the deadline
 * (`deadlineOf`) and start nothing that cannot end before it.
 *
 * Outside a retry it bounds all attempts together, inside one each attempt.
 *
 * Cost: an `AbortController` with a listener per call, about 0.7 µs; one timer for all calls in
 * flight.
 *
 * @throws RangeError if `ms` is out of range.
 */
export function timeout<Req = unknown>({
  ms,
  startWhen,
  observer,
  clock = systemClock,
}: TimeoutOptions<Req>): Layer<Req, unknown, TimedOut> {
  checkDuration("timeout: ms", ms);
  const timedOut: TimedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: ms };
  // Shared by all calls: creating it costs more than the rest of a call.
  const reason = timeoutError(`no answer within ${ms} ms`, timedOut);

  const deadlines = new Deadlines(clock, ms);

  return layer<Req, unknown, TimedOut>({ name: "timeout", unguarded: true }, (inner) => ({
    options: { ms },
    call: (request, signal) =>
      new Promise((resolve, reject) => {
        const scope = new Scope(signal);
        let deadline: Deadline | undefined;
        let open = true;

        const close = (): void => {
          open = false;
          if (deadline !== undefined) deadlines.clear(deadline);
          scope.end();
        };
        const start = (): void => {
          if (!open || deadline !== undefined) return;
          deadline = deadlines.set((wasHeldUp) => {
            // No longer in the list.
            deadline = undefined;
            close();
            const fault: TimedOut = wasHeldUp ? { ...timedOut, origin: "local" } : timedOut;
            resolve(left(fault));
            scope.abort(wasHeldUp ? timeoutError(reason.message, fault) : reason);
            observer?.timedOut?.(ms);
          });
          scope.deadline = deadline.at;
        };
        const stop = (): void => {
          if (deadline === undefined) return;
          deadlines.clear(deadline);
          deadline = undefined;
          scope.deadline = undefined;
        };

        const fail = (defect: unknown): void => {
          close();
          reject(defect);
        };
        try {
          if (startWhen === undefined) start();
          else startWhen(request, start, stop);
          inner.call(request, scope.signal).then((result) => {
            // Inner answered despite the abort; nothing will read the response.
            if (!open && isRight(result)) discardResponse(result.right);
            close();
            resolve(result);
          }, fail);
        } catch (defect) {
          fail(defect);
        }
      }),
  }));
}
