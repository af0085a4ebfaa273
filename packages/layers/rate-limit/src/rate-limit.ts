import {
  type Aborted,
  type Clock,
  defaultMaxWaitMs,
  type Fault,
  layer,
  type Layer,
  oneshot,
  rangeError,
  systemClock,
} from "@pagoda/core";
import { type Either, left } from "fp-ts/lib/Either.js";
import { memoryStore } from "./memory-store.ts";
import { fullRate, type Rate } from "./rate.ts";
import { Refill } from "./refill.ts";
import type { Rates, Refusal, Store, SyncStore } from "./store.ts";

/**
 * More calls have come than the limit lets through. Nothing was sent, so it says nothing about the upstream. It names
 * the limit but not the key: that may be a secret, and faults are logged.
 */
export interface RateLimited extends Fault<"RateLimited"> {
  /** Milliseconds, not rounded, until the call would be admitted if no other came before it. */
  readonly retryAfterMs: number;
  /** The limit over all calls or the one of a key: of two that refuse, the one with the longer wait. */
  readonly limit: "global" | "keyed";
  /** The rate of that limit. */
  readonly perSecond: number;
  readonly burst: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface RateLimitObserver<in Req = unknown> {
  /** A call was refused. */
  readonly refused?: (fault: RateLimited, request: Req) => void;
}

/** A rate for each of many. */
export interface KeyedRate<in Req = unknown> extends Rate {
  /**
   * Says whose limit a call counts against; `undefined`: nobody's. Keys are kept as they are: make long ones short
   * first, with a hash.
   */
  readonly key: (request: Req) => string | undefined;
}

/** One of `global` and `keyed`, or both. */
export interface RateLimitOptions<Req, S extends Store = SyncStore> {
  /** What all calls together may do. */
  readonly global?: Rate;
  /** What the calls of each key may do. */
  readonly keyed?: KeyedRate<Req>;
  /** Makes what keeps the limits, once for each service. Default: `memoryStore()`. */
  readonly store?: (rates: Rates) => S;
  readonly observer?: RateLimitObserver<Req>;
  readonly clock?: Clock;
}

/** With a store that decides later, the caller may have left by then. */
export type RateLimitErrors<S extends Store> = RateLimited | (S extends SyncStore ? never : Aborted);

/**
 * Admits calls at a rate: in any span of time at most `perSecond` times its seconds, and `burst`. One limit over all
 * calls, one for each key (for instance each client), or both; both are decided together, so a call that one refuses
 * spends nothing of the other. Use it to protect what is inside from too much, and clients from each other.
 *
 * It stands outside of what costs something, and for clients inside of what says who asks. Outside a retry it counts
 * calls, inside one it counts tries. It is ready when the limit over all would admit a call; those who wait are let in
 * in order, as time goes on. For a key it cannot say that: no request is known yet.
 *
 * Errors: {@link RateLimited}, with the exact time to wait. A call that was admitted and fails is not given back.
 *
 * Cost per call: the reading of the clock (about 40 ns), and the store's decision: see {@link memoryStore}.
 *
 * Source: the generic cell rate algorithm of ATM (ITU-T I.371, ATM Forum Traffic Management 4.0); one time stamp for
 * each limit, no window and so no edge of one at which twice the rate passes.
 *
 * @throws RangeError when an option is out of range, or neither limit is given.
 */
export function rateLimit<Req = unknown, S extends Store = SyncStore>({
  global: globalRate,
  keyed: keyedRate,
  store,
  observer,
  clock = systemClock,
}: RateLimitOptions<Req, S>): Layer<Req, unknown, RateLimitErrors<S>> {
  if (globalRate === undefined && keyedRate === undefined)
    throw rangeError("rate-limit: global or keyed", "given", undefined);
  const global = globalRate && fullRate("global", globalRate);
  const keyed = keyedRate && fullRate("keyed", keyedRate);
  const rates: Rates = { global, keyed };
  const keyOf = keyedRate?.key;
  const makeStore: (rates: Rates) => Store = store ?? memoryStore();

  function refuse({ limit, retryAfterMs }: Refusal, request: Req): Either<RateLimited, never> {
    const rate = limit === "global" ? global : keyed;
    const { perSecond, burst } = rate as NonNullable<typeof rate>;
    const fault: RateLimited = {
      _tag: "RateLimited",
      origin: "local",
      retryable: true,
      retryAfterMs,
      limit,
      perSecond,
      burst,
    };
    observer?.refused?.(fault, request);
    return left(fault);
  }

  return layer<Req, unknown, RateLimited | Aborted>("rate-limit", (inner) => {
    const limits = makeStore(rates);
    const refill = global && new Refill(clock, () => limits.globalWaitMs(clock.now()));

    return {
      options: { ...(global && { global: { ...global } }), ...(keyed && { keyed: { ...keyed } }) },
      state: () => ({ ...limits.state(clock.now()), ...(refill && { waiting: refill.size }) }),
      ready: () => refill?.ready() ?? inner.ready(),
      call(request, signal) {
        // What a mistake in `key` throws becomes a rejection, as every defect does.
        try {
          const decision = limits.take(keyOf?.(request), clock.now(), signal);
          if (decision === undefined) return inner.call(request, signal);
          if ("limit" in decision) return Promise.resolve(refuse(decision, request));
          return decision.then(async (later) => {
            if (later !== undefined) return refuse(later, request);
            return oneshot(inner, request, signal, { maxWaitMs: defaultMaxWaitMs, clock });
          });
        } catch (defect) {
          return Promise.reject(defect);
        }
      },
    };
  }) as Layer<Req, unknown, RateLimitErrors<S>>;
}
