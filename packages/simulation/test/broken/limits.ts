import {
  type ConcurrencyLimited,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
} from "@pagoda/concurrency-limit";
import { layer, type Layer, WaitList } from "@pagoda/core";
import {
  memoryStore,
  rateLimit,
  type RateLimited,
  type RateLimitOptions,
  type Store,
} from "@pagoda/rate-limit";
import type { Overloaded } from "@pagoda/load-shed";
import { isLeft, left } from "fp-ts/lib/Either.js";
import { deaf } from "./breakers.ts";

interface Flaws {
  /** Forgets the slot of a call that was aborted. */
  readonly losesSlots?: boolean;
  /** Wakes nobody when a call was aborted. */
  readonly losesWakeUps?: boolean;
  /** Admits one too many. */
  readonly offByOne?: boolean;
}

/** A fixed limit with, as the case may be, flaws. */
export function flawedLimit(flaws: Flaws) {
  return ({ limit: how }: ConcurrencyLimitOptions): Layer<unknown, unknown, ConcurrencyLimited> => {
    const limit = typeof how === "number" ? how : Number(how.options["initial"]);
    const most = flaws.offByOne === true ? limit + 1 : limit;
    const refused: ConcurrencyLimited = {
      _tag: "ConcurrencyLimited",
      origin: "local",
      retryable: true,
      limit,
    };
    return layer<unknown, unknown, ConcurrencyLimited>("concurrency-limit", (inner) => {
      let inFlight = 0;
      const list = new WaitList(() => inFlight < most);
      return {
        ready: () => list.ready() ?? inner.ready(),
        async call(request, signal) {
          if (inFlight >= most) return left(refused);
          inFlight++;
          let isAborted = false;
          try {
            const result = await inner.call(request, signal);
            isAborted = isLeft(result) && signal?.aborted === true;
            return result;
          } finally {
            if (!isAborted || flaws.losesSlots !== true) inFlight--;
            if (!isAborted || flaws.losesWakeUps !== true) list.wake();
          }
        },
      };
    });
  };
}

/** Takes local refusals for drops. */
export function learnsFromRefusals(
  options: ConcurrencyLimitOptions,
): Layer<unknown, unknown, ConcurrencyLimited> {
  return concurrencyLimit({ ...options, classifier: deaf(options.classifier) });
}

/** Lets everything through. */
export function neverSheds(): Layer<unknown, unknown, Overloaded> {
  return layer<unknown, unknown, Overloaded>("load-shed", (inner) => ({
    ready: () => undefined,
    call: (request, signal) => inner.call(request, signal),
  }));
}

/** Counts calls in windows that begin anew: around the edge of one, twice the rate passes. */
export function windowed<Req>(options: RateLimitOptions<Req>): Layer<Req, unknown, RateLimited> {
  return rateLimit<Req>({
    ...options,
    store(rates) {
      const counts = new Map<string, { readonly window: number; count: number }>();
      function take(name: string, nowMs: number, rate: { perSecond: number; burst: number }): boolean {
        const window = Math.floor((nowMs * rate.perSecond) / (1_000 * rate.burst));
        const known = counts.get(name);
        const count = known?.window === window ? known.count : 0;
        if (count < rate.burst) counts.set(name, { window, count: count + 1 });
        return count < rate.burst;
      }
      return {
        take(key, nowMs) {
          if (rates.global && !take("", nowMs, rates.global)) return { limit: "global", retryAfterMs: 1 };
          if (rates.keyed && key !== undefined && !take(`key ${key}`, nowMs, rates.keyed))
            return { limit: "keyed", retryAfterMs: 1 };
          return undefined;
        },
        globalWaitMs: () => 0,
        state: () => ({}),
      };
    },
  });
}

/** A call that the limit of its key refuses has been taken from the limit over all. */
export function spendsBoth<Req>(options: RateLimitOptions<Req>): Layer<Req, unknown, RateLimited> {
  return rateLimit<Req>({
    ...options,
    store({ global, keyed }) {
      const overAll = memoryStore()({ global, keyed: undefined });
      const each = memoryStore()({ global: undefined, keyed });
      const store: Store = {
        take: (key, nowMs) => overAll.take(undefined, nowMs) ?? each.take(key, nowMs),
        globalWaitMs: (nowMs) => overAll.globalWaitMs(nowMs),
        state: () => ({}),
      };
      return store as ReturnType<NonNullable<RateLimitOptions<Req>["store"]>>;
    },
  });
}
