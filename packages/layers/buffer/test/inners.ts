import { type Aborted, type Clock, right, type Service, service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";

/** A leaf that admits calls when opened. */
export interface Gate<Err = never> {
  readonly service: Service<string, string, Err>;
  /** Requests received, in order. */
  readonly called: readonly string[];
  /** Calls made while it was not ready. */
  readonly uninvited: number;
  /** Admits this many more calls. */
  open(calls: number): void;
}

/** A leaf that keeps no order: when it admits calls again, it wakes all waiters at once. */
export function rude(): Gate {
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

/** Keeps the order of its waiters, as every layer with a limit does. */
export function polite(): Gate<Aborted> {
  const mock = mockService<string, string, never>();
  let admitted = 0;
  mock.admit(0);
  return {
    service: mock.service,
    get called() {
      return mock.calls.map(({ request }) => request);
    },
    get uninvited() {
      return mock.uninvited;
    },
    // Its calls are never answered: each takes a slot for good.
    open: (calls) => mock.admit((admitted += calls)),
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
