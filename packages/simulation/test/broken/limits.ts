import {
  type ConcurrencyLimited,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
} from "@pagoda/concurrency-limit";
import { isLeft, layer, type Layer, left, WaitList } from "@pagoda/core";
import {
  memoryStore,
  rateLimit,
  type RateLimited,
  type RateLimitOptions,
  type Store,
} from "@pagoda/rate-limit";
import type { Overloaded } from "@pagoda/load-shed";
import { ignoresOrigin } from "./breakers.ts";

interface Bugs {
  /** Loses the slots of aborted calls. */
  readonly losesSlots?: boolean;
  /** Wakes nobody after an aborted call. */
  readonly losesWakeUps?: boolean;
  /** Admits one call too many. */
  readonly offByOne?: boolean;
}

/** A fixed limit with the given bugs. */
export function brokenLimit(bugs: Bugs) {
  return ({ limit: how }: ConcurrencyLimitOptions): Layer<unknown, unknown, ConcurrencyLimited> => {
    const limit = typeof how === "number" ? how : Number(how.options["initial"]);
    const most = bugs.offByOne === true ? limit + 1 : limit;
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
            if (!isAborted || bugs.losesSlots !== true) inFlight--;
            if (!isAborted || bugs.losesWakeUps !== true) list.wake();
          }
        },
      };
    });
  };
}

/** Counts local refusals as drops. */
export function learnsFromRefusals(
  options: ConcurrencyLimitOptions,
): Layer<unknown, unknown, ConcurrencyLimited> {
  return concurrencyLimit({ ...options, classifier: ignoresOrigin(options.classifier) });
}

/** Admits everything. */
export function neverSheds(): Layer<unknown, unknown, Overloaded> {
  return layer<unknown, unknown, Overloaded>("load-shed", (inner) => ({
    ready: () => undefined,
    call: (request, signal) => inner.call(request, signal),
  }));
}

/** Counts calls in fixed windows: twice the rate passes around the edge of one. */
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

/** Charges the global limit even for calls that the keyed limit refuses. */
export function chargesRefused<Req>(options: RateLimitOptions<Req>): Layer<Req, unknown, RateLimited> {
  return rateLimit<Req>({
    ...options,
    store({ global, keyed }) {
      const total = memoryStore()({ global, keyed: undefined });
      const each = memoryStore()({ global: undefined, keyed });
      const store: Store = {
        take: (key, nowMs) => total.take(undefined, nowMs) ?? each.take(key, nowMs),
        globalWaitMs: (nowMs) => total.globalWaitMs(nowMs),
        state: () => ({}),
      };
      return store as ReturnType<NonNullable<RateLimitOptions<Req>["store"]>>;
    },
  });
}
