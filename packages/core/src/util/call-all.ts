import type { Either } from "../either.ts";
import type { Aborted } from "../fault.ts";
import { checkInteger } from "../options.ts";
import { checkMaxWait, oneshot, type Wait } from "../oneshot.ts";
import { Scope } from "../scope.ts";
import type { Service } from "../service.ts";

export interface CallAllOptions extends Wait {
  /** Calls in flight at once: at least 1. Default 1. */
  readonly concurrency?: number;
  /** Aborts the calls in flight; no further request is taken. */
  readonly signal?: AbortSignal;
  /**
   * How long each call waits for the service to become ready, in milliseconds: 0 to 2,147,483,647.
   * After that it is made anyway, and its result is the service's refusal. Default 60,000, since a
   * batch adapts to the service's pace.
   */
  readonly maxWaitMs?: number;
}

/**
 * Calls a service with each request of a sequence and yields the results in the order of the
 * requests. At most `concurrency` requests are taken ahead of the reader: the service's readiness
 * and the reader's pace hold back the rest. A reader that stops early aborts the calls in flight.
 *
 * @throws RangeError when `concurrency` is not an integer of at least 1, or `maxWaitMs` is out of
 * range.
 */
export async function* callAll<Req, Res, Err>(
  service: Service<Req, Res, Err>,
  requests: Iterable<Req> | AsyncIterable<Req>,
  { concurrency = 1, signal, maxWaitMs = 60_000, ...wait }: CallAllOptions = {},
): AsyncGenerator<Either<Err | Aborted, Res>, void, undefined> {
  checkInteger("callAll: concurrency", concurrency, { min: 1 });
  checkMaxWait("callAll", maxWaitMs);
  const leaving = new Scope(signal);
  const underWay: Promise<Either<Err | Aborted, Res>>[] = [];
  try {
    for await (const request of requests) {
      if (leaving.signal.aborted) break;
      const call = oneshot(service, request, leaving.signal, { maxWaitMs, ...wait });
      // The reader receives a defect in its turn, or never when it has stopped. Until then the
      // rejection must not count as unhandled, or Node would end the process.
      call.catch(() => {});
      underWay.push(call);
      if (underWay.length >= concurrency) yield await (underWay.shift() as (typeof underWay)[number]);
    }
    for (const result of underWay.splice(0)) yield await result;
  } finally {
    leaving.abort();
    await Promise.allSettled(underWay);
  }
}
