import { budget, type Fault, idempotent, type Replayable, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { exponential, retry } from "@pagoda/retry";
import * as cockatiel from "cockatiel";
import * as fc from "fast-check";
import { left, right } from "fp-ts/lib/Either.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

// As for the breaker: cockatiel 4 as an independent oracle, on vitest's clock.
beforeEach(() => vi.useFakeTimers({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** What each try meets in turn; after the last one all succeed. */
type Deed = "passes" | "stays" | "success";

const passes: Fault = { _tag: "Failed", origin: "upstream", retryable: true };
const stays: Fault = { _tag: "Failed", origin: "upstream", retryable: false };

interface Shape {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** When each try was made, and how it ended. */
interface Course {
  readonly tries: readonly number[];
  readonly end: string;
}

async function ours(deeds: readonly Deed[], { attempts, baseMs, maxMs }: Shape): Promise<Course> {
  const clock = virtualClock();
  const tries: number[] = [];
  const leaf = service("leaf", async (_request: Replayable) => {
    const deed = deeds[tries.length] ?? "success";
    tries.push(clock.now());
    return deed === "success" ? right("ok") : left(deed === "passes" ? passes : stays);
  });
  const layered = retry({
    attempts,
    backoff: exponential({ baseMs, maxMs, jitter: "none" }),
    // cockatiel has no budget.
    budget: budget({ ratio: 1_000, clock }),
    clock,
  })(leaf);
  const result = layered.call({ replay: idempotent });
  await clock.runAll();
  const answer = await result;
  return { tries, end: answer._tag === "Right" ? "ok" : `failed, ${answer.left === passes}` };
}

async function theirs(deeds: readonly Deed[], { attempts, baseMs, maxMs }: Shape): Promise<Course> {
  const tries: number[] = [];
  const policy = cockatiel.retry(
    cockatiel.handleWhen((error) => error === passes),
    {
      // What they call attempts comes beside the first.
      maxAttempts: attempts - 1,
      backoff: new cockatiel.ExponentialBackoff({
        generator: cockatiel.noJitterGenerator,
        initialDelay: baseMs,
        maxDelay: maxMs,
      }),
    },
  );
  const result = policy
    .execute(() => {
      const deed = deeds[tries.length] ?? "success";
      tries.push(Date.now());
      if (deed !== "success") throw deed === "passes" ? passes : stays;
    })
    .then(
      () => "ok",
      (error: unknown) => `failed, ${error === passes}`,
    );
  await vi.runAllTimersAsync();
  return { tries, end: await result };
}

const shape: fc.Arbitrary<Shape> = fc
  .record({
    attempts: fc.integer({ min: 1, max: 8 }),
    baseMs: fc.integer({ min: 1, max: 50 }),
    more: fc.nat(500),
  })
  .map(({ attempts, baseMs, more }) => ({ attempts, baseMs, maxMs: baseMs + more }));

describe("the retry beside cockatiel's", () => {
  test("property: makes the same tries at the same moments, and ends alike", async () => {
    const deed = fc.constantFrom<Deed>("passes", "passes", "passes", "passes", "stays", "success");
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 10 }), shape, async (deeds, shape) => {
        vi.setSystemTime(0);
        expect(await ours(deeds, shape)).toEqual(await theirs(deeds, shape));
      }),
      { numRuns: 300 },
    );
  });

  test("differs where the caller leaves during a wait: theirs makes the next try nevertheless", async () => {
    const controller = new AbortController();
    let theirTries = 0;
    const policy = cockatiel.retry(cockatiel.handleAll, {
      maxAttempts: 1,
      backoff: new cockatiel.ConstantBackoff(100),
    });
    const theirResult = policy
      .execute(() => {
        theirTries++;
        throw passes;
      }, controller.signal)
      .catch(() => {});
    const clock = virtualClock();
    let ourTries = 0;
    const leaf = service("leaf", async (_request: Replayable) => {
      ourTries++;
      return left(passes);
    });
    const layered = retry({ backoff: exponential({ baseMs: 100, jitter: "none" }), clock })(leaf);
    const ourResult = layered.call({ replay: idempotent }, controller.signal);
    await clock.advance(50);
    await vi.advanceTimersByTimeAsync(50);
    controller.abort();
    await clock.runAll();
    await vi.runAllTimersAsync();
    await theirResult;
    expect(await ourResult).toMatchObject({ left: { _tag: "Aborted" } });
    expect([ourTries, theirTries]).toEqual([1, 2]);
  });
});
