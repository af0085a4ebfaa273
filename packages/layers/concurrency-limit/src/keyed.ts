import type { Use } from "./concurrency-limit.ts";
import { checkInteger, type Fault, isLeft, layer, type Layer, left } from "@pagoda/core";

/**
 * The limit of a key is reached. Nothing was sent, so it says nothing about the upstream. The key
 * is not included, since faults are logged and it may be a secret.
 */
export interface KeyedConcurrencyLimited extends Fault<"KeyedConcurrencyLimited"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Maximum number of concurrent calls per key. */
  readonly limit: number;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface KeyedConcurrencyLimitObserver<in Req = unknown> {
  /** A call was refused. */
  readonly refused?: (fault: KeyedConcurrencyLimited, request: Req) => void;
  /** A call was admitted; how much of its key's limit is in use. */
  readonly admitted?: (use: Use, request: Req) => void;
}

/** Options of {@link keyedConcurrencyLimit}. */
export interface KeyedConcurrencyLimitOptions<Req, Res = never> {
  /** Maximum number of concurrent calls per key: an integer of at least 1. */
  readonly limit: number;
  /** Returns the key of a request; `undefined` is not limited. */
  readonly key: (request: Req) => string | undefined;
  /**
   * Calls `end` when a call with a response is over. Default: at the response. Use `(response, end)
   * => response.body.observe(end)` for HTTP, so that calls count until the client has received the
   * response.
   */
  readonly endWhen?: (response: Res, end: () => void) => void;
  /**
   * Counts of calls in flight. Layers with the same map share their limits. Default: one per layer.
   */
  readonly counts?: Map<string, number>;
  readonly observer?: KeyedConcurrencyLimitObserver<Req>;
}

/**
 * Limits the number of concurrent calls per key, such as a client, so that a slow or greedy client
 * leaves room for the others. Only keys with calls in flight are kept.
 *
 * Place it inside the layer that identifies the client, and outside what all calls share: a pool, a
 * global limit.
 *
 * Errors: {@link KeyedConcurrencyLimited}. Its readiness is inner's, since the key is not known
 * before the call.
 *
 * Cost per call: about 150 ns.
 *
 * Source: nginx's `limit_conn`.
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
    { name: "keyed-concurrency-limit", unguarded: true },
    (inner) => ({
      options: { limit },
      state: () => ({ keys: counts.size }),
      call(request, signal) {
        const of = key(request);
        if (of === undefined) return inner.call(request, signal);
        const current = counts.get(of) ?? 0;
        if (current >= limit) {
          observer?.refused?.(fault, request);
          return Promise.resolve(left(fault));
        }
        counts.set(of, current + 1);
        observer?.admitted?.({ inFlight: current + 1, limit }, request);
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
