import { circuitBreaker, consecutiveFailures } from "@pagoda/circuit-breaker";
import { type Fault, left, right, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import * as cockatiel from "cockatiel";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

// cockatiel 4 as an independent oracle: its breaker gets the same histories. It uses Date.now and global timers, which
// vitest's fake timers replace.
beforeEach(() => vi.useFakeTimers({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** How the upstream behaves; a neutral outcome says nothing about it. */
type Behavior = "failure" | "success" | "neutral";
/** A call, and the time since the previous one. */
interface Step {
  readonly afterMs: number;
  readonly behavior: Behavior;
}

const fails: Fault = { _tag: "Failed", origin: "upstream", retryable: true };
const neutral: Fault = { _tag: "Refused", origin: "local", retryable: true };

/** Whether each call was refused or admitted. */
async function ours(steps: readonly Step[], failures: number, openMs: number): Promise<string[]> {
  const clock = virtualClock();
  let behavior: Behavior = "success";
  const leaf = service("leaf", async (_request: string) =>
    behavior === "success" ? right("ok") : left(behavior === "failure" ? fails : neutral),
  );
  const layered = circuitBreaker({
    trip: consecutiveFailures(failures),
    openMs,
    maxOpenMs: openMs,
    clock,
    // No jitter, because cockatiel has none.
    random: () => 1,
  })(leaf);
  const met: string[] = [];
  for (const step of steps) {
    await clock.advance(step.afterMs);
    ({ behavior } = step);
    const result = await layered.call("a call");
    met.push(result._tag === "Left" && result.left._tag === "CircuitOpen" ? "refused" : "admitted");
  }
  return met;
}

async function theirs(steps: readonly Step[], failures: number, openMs: number): Promise<string[]> {
  const isFailure = cockatiel.handleWhen((error) => error === fails);
  const breaker = cockatiel.circuitBreaker(isFailure, {
    breaker: new cockatiel.ConsecutiveBreaker(failures),
    halfOpenAfter: openMs,
  });
  const met: string[] = [];
  for (const { afterMs, behavior } of steps) {
    vi.advanceTimersByTime(afterMs);
    let wasCalled = false;
    await breaker
      .execute(() => {
        wasCalled = true;
        if (behavior !== "success") throw behavior === "failure" ? fails : neutral;
      })
      .catch(() => {});
    met.push(wasCalled ? "admitted" : "refused");
  }
  return met;
}

const steps = (...behaviors: Behavior[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ afterMs: fc.nat(60), behavior: fc.constantFrom(...behaviors) }), {
    maxLength: 60,
    size: "max",
  });

describe("the circuit breaker and cockatiel's", () => {
  test("property: admit the same calls for the same history", async () => {
    await fc.assert(
      fc.asyncProperty(
        steps("failure", "failure", "success"),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 150 }),
        async (history, failures, openMs) => {
          expect(await ours(history, failures, openMs)).toEqual(await theirs(history, failures, openMs));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("differ after a probe with a neutral outcome: theirs closes, ours admits another probe", async () => {
    const history: Step[] = [
      { afterMs: 0, behavior: "failure" },
      { afterMs: 0, behavior: "failure" },
      { afterMs: 100, behavior: "neutral" },
      { afterMs: 0, behavior: "failure" },
      { afterMs: 0, behavior: "success" },
    ];
    const through = "admitted";
    // Theirs has closed and tolerates two failures; ours has had a second probe, which failed.
    expect(await theirs(history, 2, 100)).toEqual([through, through, through, through, through]);
    expect(await ours(history, 2, 100)).toEqual([through, through, through, through, "refused"]);
  });

  test("property: neutral outcomes change nothing", async () => {
    await fc.assert(
      fc.asyncProperty(steps("failure", "success", "neutral"), async (history) => {
        // The threshold is never reached, so neither opens.
        expect(await ours(history, 100, 50)).toEqual(await theirs(history, 100, 50));
      }),
      { numRuns: 30 },
    );
  });
});
