import { checkInteger, type Fault, layer, type Layer } from "@pagoda/core";
import { isLeft, left } from "fp-ts/lib/Either.js";

/**
 * The limit of one key is reached. Nothing was sent, so it says nothing about the upstream. It does not name the key, which
 * may be a secret, since faults are logged.
 */
export interface KeyedConcurrencyLimited extends Fault<"KeyedConcurrencyLimited"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Calls at once. */
  readonly limit: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface KeyedConcurrencyLimitObserver<in Req = unknown> {
  /** A call was refused. */
  readonly refused?: (fault: KeyedConcurrencyLimited, request: Req) => void;
}

export interface KeyedConcurrencyLimitOptions<Req, Res = never> {
  /** Calls at once for each key: an integer of at least 1. */
  readonly limit: number;
  /** Whose limit a call counts against; `undefined`: nobody's. */
  readonly key: (request: Req) => string | undefined;
  /**
   * When a call that was answered is over. Default: at its answer. For HTTP `(response, end) => response.body.observe(end)`,
   * so that calls count until the client has received their responses.
   */
  readonly endWhen?: (response: Res, end: () => void) => void;
  /** Where calls under way are counted. Layers given the same map share their limits. Default: one of its own. */
  readonly counts?: Map<string, number>;
  readonly observer?: KeyedConcurrencyLimitObserver<Req>;
}

/**
 * Bounds how many calls are under way at once for each key, such as a client, so that a slow or greedy one leaves room for
 * the others. Only keys with calls under way are kept.
 *
 * It stands inside of what establishes the client, and outside of what the calls share: a pool, a limit over all.
 *
 * Errors: {@link KeyedConcurrencyLimited}. It is as ready as inner: for a key it cannot say, since no request is known yet.
 *
 * Cost per call: about 150 ns.
 *
 * Source: nginx' `limit_conn`.
 *
 * @throws RangeError when the limit is out of range.
 */
export function keyedConcurrencyLimit<Req = unknown, Res = unknown>({
  limit,
  key,
  endWhen,
  counts = new Map<string, number>(),
  observer,
}: KeyedConcurrencyLimitOptions<Req, Res>): Layer<Req, unknown, KeyedConcurrencyLimited, never, never, Res> {
  checkInteger("concurrency-limit: limit", limit, { min: 1 });
  const fault: KeyedConcurrencyLimited = {
    _tag: "KeyedConcurrencyLimited",
    origin: "local",
    retryable: true,
    limit,
  };

  function release(of: string): void {
    const left = (counts.get(of) as number) - 1;
    if (left > 0) counts.set(of, left);
    else counts.delete(of);
  }

  return layer<Req, unknown, KeyedConcurrencyLimited, never, never, Res>(
    "keyed-concurrency-limit",
    (inner) => ({
      options: { limit },
      state: () => ({ keys: counts.size }),
      call(request, signal) {
        const of = key(request);
        if (of === undefined) return inner.call(request, signal);
        const underWay = counts.get(of) ?? 0;
        if (underWay >= limit) {
          observer?.refused?.(fault, request);
          return Promise.resolve(left(fault));
        }
        counts.set(of, underWay + 1);
        let isOver = false;
        const over = (): void => {
          if (isOver) return;
          isOver = true;
          release(of);
        };
        try {
          return inner.call(request, signal).then(
            (result) => {
              try {
                if (isLeft(result) || endWhen === undefined) over();
                else endWhen(result.right, over);
              } catch (defect) {
                over();
                throw defect;
              }
              return result;
            },
            (defect: unknown) => {
              over();
              throw defect;
            },
          );
        } catch (defect) {
          over();
          throw defect;
        }
      },
    }),
  );
}
