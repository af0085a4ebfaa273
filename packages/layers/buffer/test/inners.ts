import { type Clock, right, type Service, service } from "@pagoda/core";

export interface Rude {
  readonly service: Service<string, string>;
  /** Requests received, in order. */
  readonly called: readonly string[];
  /** Calls made while it was not ready. */
  readonly uninvited: number;
  /** Admits this many more calls. */
  open(calls: number): void;
}

/** A leaf that keeps no order: when it admits calls again, it wakes all waiters at once. */
export function rude(): Rude {
  const called: string[] = [];
  let left = 0;
  let uninvited = 0;
  let gate = Promise.withResolvers<void>();
  return {
    service: service(
      "rude",
      async (request: string) => {
        if (left <= 0) uninvited++;
        left--;
        called.push(request);
        return right(request);
      },
      { ready: () => (left > 0 ? undefined : gate.promise) },
    ),
    called,
    get uninvited() {
      return uninvited;
    },
    open(calls) {
      left += calls;
      gate.resolve();
      gate = Promise.withResolvers<void>();
    },
  };
}

/** A leaf that takes one call at a time and answers after `ms`. */
export function slow(clock: Clock, ms: number): Service<string, string> {
  let busy: Promise<void> | undefined;
  return service(
    "slow",
    (request: string) =>
      new Promise((resolve) => {
        const { promise, resolve: free } = Promise.withResolvers<void>();
        busy = promise;
        clock.setTimer(ms, () => {
          busy = undefined;
          free();
          resolve(right(request));
        });
      }),
    { ready: () => busy },
  );
}
