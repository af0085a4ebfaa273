import type { Fault } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { circuitBreaker, type CircuitBreakerOptions, consecutiveFailures } from "@pagoda/circuit-breaker";

/** Errors with which a test fails a call that has reached the upstream. */
export const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };
export const refused: Fault<"Refused"> = { _tag: "Refused", origin: "local", retryable: true };

/**
 * A breaker that opens at two failures in a row, around a scripted service. Without jitter, so
 * 1,000 ms are 1,000.
 */
export function bench(options: CircuitBreakerOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<string, string, Fault>();
  const events: unknown[] = [];
  const observer = {
    opened: (opening: unknown) => events.push(["opened", opening]),
    halfOpened: () => events.push(["halfOpened"]),
    closed: () => events.push(["closed"]),
    refused: (fault: unknown) => events.push(["refused", fault]),
  };
  const layered = circuitBreaker({
    trip: consecutiveFailures(2),
    openMs: 1_000,
    maxOpenMs: 4_000,
    observer,
    clock,
    random: () => 1,
    ...options,
  })(mock.service);

  async function failing(times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      void layered.call("fails");
      (await mock.next()).fail(down);
    }
    await settled();
  }
  /** The phase that it describes. */
  const phase = (): unknown => layered.describe().state?.["phase"];
  /** Returns whether a call reaches the upstream; the call stays in flight. */
  async function lets(signal?: AbortSignal): Promise<boolean> {
    const before = mock.calls.length;
    void layered.call("asks", signal);
    await settled();
    if (mock.calls.length === before) return false;
    await mock.next();
    return true;
  }
  return { clock, mock, layered, events, failing, phase, lets };
}
