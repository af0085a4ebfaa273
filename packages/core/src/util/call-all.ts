import type { Either } from "fp-ts/lib/Either.js";
import type { Aborted } from "../fault.ts";
import { checkInteger } from "../options.ts";
import { checkMaxWait, oneshot, type Wait } from "../readiness.ts";
import { Scope } from "../scope.ts";
import type { Service } from "../service.ts";

export interface CallAllOptions extends Wait {
  /** Calls under way at once, at least 1. Default 1. */
  readonly concurrency?: number;
  /** Aborts the calls under way and takes no further request. */
  readonly signal?: AbortSignal;
  /**
   * How long each call waits for the service to become ready: milliseconds, from 0 to 2,147,483,647. After that it is made
   * all the same, and its result is the service's refusal. Default 60,000: the service's pace counts here, not its speed.
   */
  readonly maxWaitMs?: number;
}

/**
 * Calls a service with each request of a sequence and gives the results in the order of the requests. At most
 * `concurrency` requests are taken whose results the reader has not: the service's readiness and the reader's pace
 * hold back the rest. A reader that leaves early aborts the calls under way.
 *
 * @throws RangeError when `concurrency` is not a whole number of at least 1, or `maxWaitMs` is out of range.
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
      // A defect is the reader's when its turn comes, or nobody's when the reader has left: until then it is not
      // an unhandled one, for which Node would end the process.
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
