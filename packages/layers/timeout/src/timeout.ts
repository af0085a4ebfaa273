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
 * The call was given up: no answer in time. It counts against the upstream, which was given its time; unless this process was
 * stopped when the time was over: then it is of origin `local`.
 */
export interface TimedOut extends Fault<"TimedOut"> {
  readonly afterMs: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface TimeoutObserver {
  /** A call was given up after so many milliseconds. */
  readonly timedOut?: (afterMs: number) => void;
}

export interface TimeoutOptions<Req> {
  /** Milliseconds, more than 0 and at most 2,147,483,647. */
  readonly ms: number;
  /**
   * When the time counts: `start` starts it, anew each time, `stop` stops it. Default: from the call on. For large HTTP
   * uploads, `body.watch` says when the client is the slow one; see the README.
   */
  readonly startWhen?: (request: Req, start: () => void, stop: () => void) => void;
  readonly observer?: TimeoutObserver;
  readonly clock?: Clock;
}

/**
 * Bounds the time from a call to its answer. When the time is over, the call ends with {@link TimedOut}, inner's call is
 * aborted (with a `TimeoutError` whose cause is the fault) and its late result dropped. What comes after the answer (the
 * rest of a response's body) is not bounded by it. Layers further in see the deadline (`deadlineOf`) and do not begin
 * what cannot end before it.
 *
 * Around a retry it bounds all tries together, inside one it bounds each: the same layer in two places.
 *
 * Cost: an `AbortController` with a listener for each call, about 0.7 µs; one timer for all calls under way.
 *
 * @throws RangeError when `ms` is out of range.
 */
export function timeout<Req = unknown>({
  ms,
  startWhen,
  observer,
  clock = systemClock,
}: TimeoutOptions<Req>): Layer<Req, unknown, TimedOut> {
  checkDuration("timeout: ms", ms);
  const timedOut: TimedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: ms };
  // One for all calls: making it costs more than the rest of a call.
  const reason = timeoutError(`no answer within ${ms} ms`, timedOut);

  const deadlines = new Deadlines(clock, ms);

  return layer<Req, unknown, TimedOut>("timeout", (inner) => ({
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
            // It is no more in the list.
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
            // Inner answered although it was aborted; nobody will read the response.
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
