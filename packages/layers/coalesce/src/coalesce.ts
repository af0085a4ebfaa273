import {
  type Aborted,
  aborted,
  type Either,
  layer,
  type Layer,
  left,
  type Service,
  SharedCall,
} from "@pagoda/core";

/** Callbacks for metrics and logs. Must not throw. */
export interface CoalesceObserver {
  /** A call joined one with the same key that is in flight. */
  readonly joined?: (key: string) => void;
}

/** Options of {@link coalesce}. */
export interface CoalesceOptions<Req> {
  /**
   * Calls with the same key are merged. The key must contain everything that the response depends
   * on, including the user if it matters. `undefined` makes the call on its own.
   */
  readonly key: (request: Req) => string | undefined;
  readonly observer?: CoalesceObserver;
}

/**
 * Merges concurrent calls with the same key into one. All callers get the same result object,
 * failures included, so a response must support several readers. An HTTP body has a single reader:
 * read it completely in an inner layer. An HTTP request for a tunnel (an upgrade or CONNECT) is
 * never merged.
 *
 * A caller that aborts gets its result at once and does not affect the others. When the last one
 * leaves, inner is aborted in the same tick, and the next call with that key starts anew. Inner
 * sees the latest deadline of all callers that have joined.
 *
 * Use it against bursts of identical calls: in front of a slow service, or behind a cache that has
 * just lost an entry. Place it outside what has a cost per call, such as a retry or a limit.
 *
 * Errors: those of inner, and {@link Aborted} for a caller that aborts.
 *
 * Cost per call: 0.6 µs for the first call of a key, 1.4 µs if its caller has a signal; 0.2 µs for
 * a call that joins; a few nanoseconds without a key.
 *
 * Source: Go's `singleflight`, except that there a call usually lives and dies with its first
 * caller's context.
 */
export function coalesce<Req = unknown>({
  key,
  observer,
}: CoalesceOptions<Req>): Layer<Req, unknown, Aborted> {
  return layer<Req, unknown, Aborted>("coalesce", <Res, Err>(inner: Service<Req, Res, Err>) => {
    const calls = new Map<string, SharedCall<Res, Err>>();

    return {
      state: () => {
        let callers = 0;
        for (const call of calls.values()) callers += call.callers;
        return { keys: calls.size, callers };
      },
      call(request, signal): Promise<Either<Err | Aborted, Res>> {
        const own = requestsTunnel(request) ? undefined : key(request);
        if (own === undefined) return inner.call(request, signal);
        if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
        const known = calls.get(own);
        if (known !== undefined) {
          observer?.joined?.(own);
          return known.join(signal);
        }
        const call = new SharedCall<Res, Err>(() => calls.delete(own));
        calls.set(own, call);
        const answer = call.join(signal);
        call.start((shared) => inner.call(request, shared));
        return answer;
      },
    };
  });
}

/** Requires a method, since `upgrade` may mean something else in a request that is not HTTP. */
function requestsTunnel(request: unknown): boolean {
  const { method, upgrade } = (request ?? {}) as { readonly method?: unknown; readonly upgrade?: unknown };
  return method === "CONNECT" || (typeof upgrade === "string" && typeof method === "string");
}
