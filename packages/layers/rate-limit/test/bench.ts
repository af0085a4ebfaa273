import { mockService, virtualClock } from "@pagoda/core/testing";
import { type RateLimitOptions, rateLimit, type Store, type SyncStore } from "@pagoda/rate-limit";
import { isRight } from "@pagoda/core";

/** A limit around a mock, in virtual time. The request is the key. */
export function bench(options: Omit<RateLimitOptions<string>, "clock">) {
  const clock = virtualClock();
  const mock = mockService<string, string>();
  const layered = rateLimit<string>({ ...options, clock })(mock.service);
  return {
    clock,
    mock,
    layered,
    /** Makes a call and returns whether it reached inner. */
    async admits(request = "a"): Promise<boolean> {
      const before = mock.calls.length;
      const result = layered.call(request);
      mock.calls[before]?.answer("done");
      return isRight(await result);
    },
  };
}

/** A store that decides in a later tick, like one across the network. */
export function later(store: SyncStore): Store {
  return {
    take: async (key, nowMs) => store.take(key, nowMs),
    globalWaitMs: (nowMs) => store.globalWaitMs(nowMs),
    state: (nowMs) => store.state(nowMs),
  };
}
