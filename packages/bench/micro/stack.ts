import { buffer } from "@pagoda/buffer";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { concurrencyLimit } from "@pagoda/concurrency-limit";
import { idempotent, type Replayable, right, service, type Service, ServiceBuilder } from "@pagoda/core";
import { hedge } from "@pagoda/hedge";
import { loadShed } from "@pagoda/load-shed";
import { rateLimit } from "@pagoda/rate-limit";
import { retry } from "@pagoda/retry";
import { timeout } from "@pagoda/timeout";
import { peers } from "./peers.ts";
import type { Group, Operation } from "./subject.ts";

const request: Replayable = { replay: idempotent };
const held: Replayable = { replay: idempotent };
const answer = Promise.resolve(right(1));
const never = new Promise<never>(() => {});

function leaf(): Service<Replayable, number> {
  return service("leaf", (asked: Replayable) => (asked === held ? never : answer));
}

function eight(): Service<Replayable, number, unknown> {
  return (
    new ServiceBuilder<Replayable>()
      .layer(loadShed())
      .layer(timeout({ ms: 60_000 }))
      .layer(retry())
      .layer(hedge())
      .layer(circuitBreaker())
      // Admits every call.
      .layer(rateLimit({ global: { perSecond: 1_000_000, burst: 1_000_000_000 } }))
      .layer(buffer({ capacity: 1_000 }))
      .layer(concurrencyLimit({ limit: 1_000 }))
      .service(leaf())
  );
}

function called(stack: Service<Replayable, number, unknown>): Operation {
  return { run: () => stack.call(request) };
}

const eightPolicies =
  "load-shed, timeout, retry, hedge, circuit-breaker, rate-limit, buffer, concurrency-limit";

/** Whole stacks around a leaf that answers at once, and other libraries with the policies that they have. */
export const stacks: Group = {
  name: "stack",
  subjects: [
    {
      what: `eight policies: pagoda (${eightPolicies}), with another call in flight, as in a server`,
      prepare() {
        const stack = eight();
        const controller = new AbortController();
        void stack.call(held, controller.signal);
        return { ...called(stack), end: () => controller.abort() };
      },
      target: { mostNs: 1_500 },
      reason: "mostly the signal of the timeout, its listener, and seven clock readings",
    },
    {
      what: "the same eight, no other call in flight",
      prepare: () => called(eight()),
      target: { mostNs: 1_500 },
      reason: "each call sets and clears the timer of the timeout",
    },
    {
      what: "four policies: pagoda (concurrency-limit, retry, circuit-breaker, timeout)",
      prepare: () =>
        called(
          new ServiceBuilder<Replayable>()
            .layer(concurrencyLimit({ limit: 1_000 }))
            .layer(retry())
            .layer(circuitBreaker())
            .layer(timeout({ ms: 1_000 }))
            .service(leaf()),
        ),
    },
    ...peers,
  ],
};
