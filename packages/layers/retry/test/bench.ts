import { budget, type Fault, idempotent, type Replay, type Replayable, Scope } from "@pagoda/core";
import { mockService, seededRandom, virtualClock } from "@pagoda/core/testing";
import { constant, retry, type RetryOptions } from "@pagoda/retry";

/** A fault with everything a retry looks at. */
export interface Failed extends Fault<"Failed"> {}

export const failed: Failed = { _tag: "Failed", origin: "upstream", retryable: true };
export const final: Failed = { _tag: "Failed", origin: "upstream", retryable: false };

export interface Request extends Replayable {
  readonly text: string;
}

export function request(replay: Replay = idempotent): Request {
  return { text: "a request", replay };
}

/** A retry with 100 ms backoff around a mock, in virtual time, and its events. */
export function bench(options: RetryOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<Replayable, string, Failed>();
  const events: unknown[][] = [];
  const layered = retry({
    backoff: constant(100),
    budget: budget({ ratio: 1, minPerSecond: 10, clock }),
    observer: {
      retried: ({ attempt, waitedMs }) => events.push(["retried", attempt, waitedMs]),
      recovered: (attempts) => events.push(["recovered", attempts]),
      gaveUp: (reason, attempts) => events.push(["gaveUp", reason, attempts]),
    },
    clock,
    random: seededRandom(1),
    ...options,
  })(mock.service);
  return { clock, mock, events, layered };
}

/** A caller's signal with a deadline. */
export function until(at: number): AbortSignal {
  const scope = new Scope(undefined);
  scope.deadline = at;
  return scope.signal;
}
