import type { Fault } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { circuitBreaker, type CircuitBreakerOptions, consecutiveFailures } from "@pagoda/circuit-breaker";

/** What a test does to a call that has reached the upstream. */
export const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };
export const refused: Fault<"Refused"> = { _tag: "Refused", origin: "local", retryable: true };

/** A breaker that opens at two failures in a row, over a scripted service; no chance, so 1,000 ms are 1,000. */
export function bench(options: CircuitBreakerOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<string, string, Fault>();
  const told: unknown[] = [];
  const observer = {
    opened: (opening: unknown) => told.push(["opened", opening]),
    halfOpened: () => told.push(["halfOpened"]),
    closed: () => told.push(["closed"]),
    refused: (fault: unknown) => told.push(["refused", fault]),
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
  /** The phase as it describes itself. */
  const phase = (): unknown => layered.describe().state?.["phase"];
  /** Whether a call is let through to the upstream; the call stays under way. */
  async function lets(signal?: AbortSignal): Promise<boolean> {
    const before = mock.calls.length;
    void layered.call("asks", signal);
    await settled();
    if (mock.calls.length === before) return false;
    await mock.next();
    return true;
  }
  return { clock, mock, layered, told, failing, phase, lets };
}
