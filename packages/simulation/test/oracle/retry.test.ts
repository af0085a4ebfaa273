import { budget, type Fault, idempotent, left, type Replayable, right, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { exponential, retry } from "@pagoda/retry";
import * as cockatiel from "cockatiel";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

// cockatiel 4 as an independent oracle, on vitest's fake timers.
beforeEach(() => vi.useFakeTimers({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

/** The outcome of each attempt; later attempts succeed. */
type Behavior = "transient" | "permanent" | "success";

const transient: Fault = { _tag: "Failed", origin: "upstream", retryable: true };
const permanent: Fault = { _tag: "Failed", origin: "upstream", retryable: false };

interface Shape {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** When each attempt was made, and how the call ended. */
interface Course {
  readonly tries: readonly number[];
  readonly end: string;
}

async function ours(behaviors: readonly Behavior[], { attempts, baseMs, maxMs }: Shape): Promise<Course> {
  const clock = virtualClock();
  const tries: number[] = [];
  const leaf = service("leaf", async (_request: Replayable) => {
    const behavior = behaviors[tries.length] ?? "success";
    tries.push(clock.now());
    return behavior === "success" ? right("ok") : left(behavior === "transient" ? transient : permanent);
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
  return { tries, end: answer._tag === "Right" ? "ok" : `failed, ${answer.left === transient}` };
}

async function theirs(behaviors: readonly Behavior[], { attempts, baseMs, maxMs }: Shape): Promise<Course> {
  const tries: number[] = [];
  const policy = cockatiel.retry(
    cockatiel.handleWhen((error) => error === transient),
    {
      // Their attempts do not include the first.
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
      const behavior = behaviors[tries.length] ?? "success";
      tries.push(Date.now());
      if (behavior !== "success") throw behavior === "transient" ? transient : permanent;
    })
    .then(
      () => "ok",
      (error: unknown) => `failed, ${error === transient}`,
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

describe("retry and cockatiel's", () => {
  test("property: make the same attempts at the same times with the same result", async () => {
    const behavior = fc.constantFrom<Behavior>(
      "transient",
      "transient",
      "transient",
      "transient",
      "permanent",
      "success",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(behavior, { maxLength: 10 }), shape, async (behaviors, shape) => {
        vi.setSystemTime(0);
        expect(await ours(behaviors, shape)).toEqual(await theirs(behaviors, shape));
      }),
      { numRuns: 300 },
    );
  });

  test("differ if the caller aborts during a backoff: theirs still makes the next attempt", async () => {
    const controller = new AbortController();
    let theirTries = 0;
    const policy = cockatiel.retry(cockatiel.handleAll, {
      maxAttempts: 1,
      backoff: new cockatiel.ConstantBackoff(100),
    });
    const theirResult = policy
      .execute(() => {
        theirTries++;
        throw transient;
      }, controller.signal)
      .catch(() => {});
    const clock = virtualClock();
    let ourTries = 0;
    const leaf = service("leaf", async (_request: Replayable) => {
      ourTries++;
      return left(transient);
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
