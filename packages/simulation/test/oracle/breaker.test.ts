import { circuitBreaker, consecutiveFailures } from "@pagoda/circuit-breaker";
import { type Fault, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import * as cockatiel from "cockatiel";
import * as fc from "fast-check";
import { left, right } from "fp-ts/lib/Either.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

// cockatiel 4 as an independent oracle: another author's breaker, fed with the same histories. It reads Date.now and
// sets timers of the platform, so vitest's fake ones stand in for them here.
beforeEach(() => vi.useFakeTimers({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** What the upstream does: fails, succeeds, or fails in a way that says nothing about it. */
type Deed = "failure" | "success" | "neutral";
/** A call, and how many milliseconds later it comes than the one before. */
interface Step {
  readonly afterMs: number;
  readonly deed: Deed;
}

const fails: Fault = { _tag: "Failed", origin: "upstream", retryable: true };
const says: Fault = { _tag: "Refused", origin: "local", retryable: true };

/** What each call met: refused, or let through. */
async function ours(steps: readonly Step[], failures: number, openMs: number): Promise<string[]> {
  const clock = virtualClock();
  let deed: Deed = "success";
  const leaf = service("leaf", async (_request: string) =>
    deed === "success" ? right("ok") : left(deed === "failure" ? fails : says),
  );
  const layered = circuitBreaker({
    trip: consecutiveFailures(failures),
    openMs,
    maxOpenMs: openMs,
    clock,
    // The longest time open: without the chance in it, which cockatiel has not.
    random: () => 1,
  })(leaf);
  const met: string[] = [];
  for (const step of steps) {
    await clock.advance(step.afterMs);
    ({ deed } = step);
    const result = await layered.call("a call");
    met.push(result._tag === "Left" && result.left._tag === "CircuitOpen" ? "refused" : "let through");
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
  for (const { afterMs, deed } of steps) {
    vi.advanceTimersByTime(afterMs);
    let wasCalled = false;
    await breaker
      .execute(() => {
        wasCalled = true;
        if (deed !== "success") throw deed === "failure" ? fails : says;
      })
      .catch(() => {});
    met.push(wasCalled ? "let through" : "refused");
  }
  return met;
}

const steps = (...deeds: Deed[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ afterMs: fc.nat(60), deed: fc.constantFrom(...deeds) }), {
    maxLength: 60,
    size: "max",
  });

describe("the breaker beside cockatiel's", () => {
  test("property: lets the same calls through in the same history", async () => {
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

  test("differs where a probe says nothing: theirs closes, ours lets another one through", async () => {
    const history: Step[] = [
      { afterMs: 0, deed: "failure" },
      { afterMs: 0, deed: "failure" },
      { afterMs: 100, deed: "neutral" },
      { afterMs: 0, deed: "failure" },
      { afterMs: 0, deed: "success" },
    ];
    const through = "let through";
    // Closed again, theirs allows for two failures; ours has had a second probe that failed.
    expect(await theirs(history, 2, 100)).toEqual([through, through, through, through, through]);
    expect(await ours(history, 2, 100)).toEqual([through, through, through, through, "refused"]);
  });

  test("property: what says nothing changes nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(steps("failure", "success", "neutral"), async (history) => {
        // A threshold that is never reached: neither ever opens.
        expect(await ours(history, 100, 50)).toEqual(await theirs(history, 100, 50));
      }),
      { numRuns: 30 },
    );
  });
});
