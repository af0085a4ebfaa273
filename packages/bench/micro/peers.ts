import { createRequire } from "node:module";
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import { Effect, Schedule, Semaphore } from "effect";
import type { Subject } from "./subject.ts";

const answer = Promise.resolve(1);

/** The three members of opossum 10 that are used; its published types are of version 8. */
interface Opossum {
  fire(request: string): Promise<number>;
  shutdown(): void;
}
type NewOpossum = new (
  action: (request: string) => Promise<number>,
  options: { readonly timeout: number; readonly capacity: number; readonly errorThresholdPercentage: number },
) => Opossum;

export const peers: readonly Subject[] = [
  {
    what: "four policies: cockatiel 4 (bulkhead, retry, circuit breaker, timeout)",
    prepare() {
      const policy = wrap(
        bulkhead(1_000, 1_000),
        retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
        circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker: new ConsecutiveBreaker(5) }),
        timeout(1_000, TimeoutStrategy.Aggressive),
      );
      return { run: () => policy.execute(() => answer) };
    },
  },
  {
    what: "three of them: opossum 10 (capacity, circuit breaker, timeout)",
    prepare() {
      // CommonJS without types.
      const CircuitBreaker = createRequire(import.meta.url)("opossum") as NewOpossum;
      const breaker = new CircuitBreaker(() => answer, {
        timeout: 1_000,
        capacity: 1_000,
        errorThresholdPercentage: 50,
      });
      return { run: () => breaker.fire("a"), end: () => breaker.shutdown() };
    },
  },
  {
    what: "three of them: Effect 4 (semaphore, retry, timeout)",
    prepare() {
      const semaphore = Semaphore.makeUnsafe(1_000);
      const policy = Schedule.exponential("25 millis");
      const call = Effect.promise(() => answer).pipe(
        Effect.timeout("1 second"),
        Effect.retry({ schedule: policy, times: 2 }),
        semaphore.withPermits(1),
      );
      return { run: () => Effect.runPromise(call) };
    },
  },
];
