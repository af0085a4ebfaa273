import type { Either } from "fp-ts/lib/Either.js";
import type { Aborted } from "../fault.ts";
import { oneshot } from "../readiness.ts";
import type { Service } from "../service.ts";

export interface CallAllOptions {
  /** Calls under way at once, at least 1. Default 1. */
  readonly concurrency?: number;
  /** Aborts the calls under way and takes no further request. */
  readonly signal?: AbortSignal;
}

/**
 * Calls a service with each request of a sequence and gives the results in the order of the requests. At most
 * `concurrency` requests are taken whose results the reader has not: the service's readiness and the reader's pace
 * hold back the rest. A reader that leaves early aborts the calls under way.
 *
 * @throws RangeError when `concurrency` is not a whole number of at least 1.
 */
export async function* callAll<Req, Res, Err>(
  service: Service<Req, Res, Err>,
  requests: Iterable<Req> | AsyncIterable<Req>,
  { concurrency = 1, signal }: CallAllOptions = {},
): AsyncGenerator<Either<Err | Aborted, Res>, void, undefined> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`callAll: concurrency is ${concurrency}; valid is a whole number of at least 1`);
  }
  const leaving = new AbortController();
  const either = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
  const underWay: Promise<Either<Err | Aborted, Res>>[] = [];
  try {
    for await (const request of requests) {
      if (either.aborted) break;
      const call = oneshot(service, request, either);
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
