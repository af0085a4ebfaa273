import {
  type Aborted,
  type Clock,
  defaultMaxWaitMs,
  type Either,
  type Fault,
  layer,
  type Layer,
  left,
  oneshot,
  rangeError,
  systemClock,
  TimedWaitList,
} from "@pagoda/core";
import { memoryStore } from "./memory-store.ts";
import { fullRate, type Rate } from "./rate.ts";
import { sharesOf } from "./shares.ts";
import type { Left, Rates, Refusal, Store, SyncStore } from "./store.ts";

/**
 * The call exceeded a limit. Nothing was sent, so this says nothing about the upstream. It names
 * the limit but not the key, which may be a secret, since faults are logged.
 */
export interface RateLimited extends Fault<"RateLimited"> {
  /** Milliseconds, not rounded, until the call would be admitted if no other came first. */
  readonly retryAfterMs: number;
  /** The limit that refused; if both did, the one with the longer wait. */
  readonly limit: "global" | "keyed";
  /** The rate that applied: that of the limit, or of `share`. */
  readonly perSecond: number;
  readonly burst: number;
  /**
   * The share of the limit that applied, because its store did not answer; 0 if nothing is admitted
   * meanwhile. Absent if the store decided.
   */
  readonly share?: number | undefined;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface RateLimitObserver<in Req = unknown> {
  /** A call was refused. */
  readonly refused?: (fault: RateLimited, request: Req) => void;
  /** A call was admitted, by a store that knows what is left. Costs the store a second look. */
  readonly admitted?: (left: Left, request: Req) => void;
}

/** A rate per key. */
export interface KeyedRate<in Req = unknown> extends Rate {
  /**
   * Returns the key whose limit a call counts against, or `undefined` for none. Keys are stored as
   * given: hash long ones.
   */
  readonly key: (request: Req) => string | undefined;
}

/** One of `global` and `keyed`, or both. */
export interface RateLimitOptions<Req, S extends Store = SyncStore> {
  /** Rate of all calls together. */
  readonly global?: Rate;
  /** Rate per key. */
  readonly keyed?: KeyedRate<Req>;
  /** Creates the store, once per service. Default: `memoryStore()`. */
  readonly store?: (rates: Rates) => S;
  readonly observer?: RateLimitObserver<Req>;
  readonly clock?: Clock;
}

/** With an asynchronous store the call may be aborted before it is decided. */
export type RateLimitErrors<S extends Store> = RateLimited | (S extends SyncStore ? never : Aborted);

/**
 * Limits the rate of calls: in any time span at most `perSecond` times its length in seconds plus
 * `burst` calls pass. There can be a global limit, a limit per key (for example per client), or
 * both. Both are decided together, so a call refused by one spends nothing of the other. Use it to
 * protect the inner service from overload, and clients from each other.
 *
 * Place it outside of anything expensive and, for limits per client, inside the layer that
 * identifies clients. Outside a retry it limits calls, inside one it limits attempts. It is ready
 * when the global limit would admit a call, and waiters are admitted in order. Limits per key do
 * not affect readiness, because the request is not known yet.
 *
 * Errors: {@link RateLimited} with the exact time to wait. An admitted call counts even if it
 * fails.
 *
 * Cost per call: reading the clock (about 40 ns) and the store's decision, see {@link memoryStore}.
 *
 * Source: the generic cell rate algorithm of ATM (ITU-T I.371, ATM Forum Traffic Management 4.0).
 * One timestamp per limit, and no window at whose edge twice the rate could pass.
 *
 * @throws RangeError if an option is out of range, or neither limit is given.
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

  function refuse({ limit, retryAfterMs, share }: Refusal, request: Req): Either<RateLimited, never> {
    const rate = sharesOf(rates, share)[limit];
    const { perSecond, burst } = rate as NonNullable<typeof rate>;
    const fault: RateLimited = {
      _tag: "RateLimited",
      origin: "local",
      retryable: true,
      retryAfterMs,
      limit,
      perSecond,
      burst,
      ...(share !== undefined && { share }),
    };
    observer?.refused?.(fault, request);
    return left(fault);
  }

  return layer<Req, unknown, RateLimited | Aborted>({ name: "rate-limit", unguarded: true }, (inner) => {
    const limits = makeStore(rates);
    const admitted = observer?.admitted;
    const observe =
      admitted &&
      ((key: string | undefined, now: number, request: Req): void => {
        const left = limits.left?.(key, now);
        if (left !== undefined) admitted(left, request);
      });
    const waiting = global && new TimedWaitList(clock, () => limits.globalWaitMs(clock.now()));

    return {
      options: { ...(global && { global: { ...global } }), ...(keyed && { keyed: { ...keyed } }) },
      state: () => ({ ...limits.state(clock.now()), ...(waiting && { waiting: waiting.size }) }),
      ready: () => waiting?.ready() ?? inner.ready(),
      call(request, signal) {
        const key = keyOf?.(request);
        const now = clock.now();
        const decision = limits.take(key, now, signal);
        if (decision === undefined) {
          observe?.(key, now, request);
          return inner.call(request, signal);
        }
        if ("limit" in decision) return Promise.resolve(refuse(decision, request));
        return decision.then(async (later) => {
          if (later !== undefined) return refuse(later, request);
          if (signal?.aborted !== true) observe?.(key, clock.now(), request);
          return oneshot(inner, request, signal, { maxWaitMs: defaultMaxWaitMs, clock });
        });
      },
    };
  }) as Layer<Req, unknown, RateLimitErrors<S>>;
}
