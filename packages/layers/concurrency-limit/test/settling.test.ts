import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { aimd, concurrencyLimit, gradient2, type LimitAlgorithm, vegas } from "@pagoda/concurrency-limit";
import { load, queueingServer } from "./queueing-server.ts";

// The server processes 40 calls concurrently. By Little's law its throughput (40 / serviceMs) times
// its latency without queueing (serviceMs) is 40, whatever serviceMs is. The load is 1.5 times its
// throughput.
const capacity = 40;

interface World {
  readonly algorithm: LimitAlgorithm;
  readonly maxQueue?: number;
}

function world({ algorithm, maxQueue }: World) {
  const clock = virtualClock();
  const server = queueingServer(clock, capacity, 40, maxQueue);
  let refused = 0;
  const layered = concurrencyLimit({
    limit: algorithm,
    observer: { refused: () => refused++ },
    clock,
    random: seededRandom(3),
  })(server.service);

  /**
   * Runs a load for some seconds; returns the limit at the end of each tenth of a second, and
   * counts.
   */
  async function run(seconds: number, share = 1.5) {
    const before = { answered: server.answered, refused };
    const limits: number[] = [];
    const perSecond = (share * capacity * 1_000) / server.serviceMs;
    load(clock, perSecond, clock.now() + seconds * 1_000, () => void layered.call("a"));
    for (let tenth = 0; tenth < seconds * 10; tenth++) {
      await clock.advance(100);
      limits.push(layered.describe().state?.["limit"] as number);
    }
    return { limits, answered: server.answered - before.answered, refused: refused - before.refused };
  }
  return { server, run };
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

/** Expects the mean of the limits within a fifth of `expected`. */
function expectAround(limits: readonly number[], expected: number): void {
  expect(mean(limits)).toBeGreaterThan(expected * 0.8);
  expect(mean(limits)).toBeLessThan(expected * 1.2);
}

describe("around a saturated server", () => {
  test("gradient2 settles at the capacity plus queue, and again after the server becomes slower", async () => {
    const { server, run } = world({ algorithm: gradient2({ min: 5, longWindow: 200, windowMs: 100 }) });
    const first = await run(8);
    expectAround(first.limits.slice(-20), capacity + 4);

    server.serviceMs = 80;
    const second = await run(35);
    // It mistakes the slowness for a queue at first, and recovers.
    expect(Math.min(...second.limits)).toBeLessThan(capacity / 2);
    expectAround(second.limits.slice(-20), capacity + 4);
  });

  test("vegas settles between its marks above the capacity, and again after the server becomes slower", async () => {
    const { server, run } = world({ algorithm: vegas({ probeMultiplier: 10, windowMs: 100 }) });
    const first = await run(8);
    expectAround(first.limits.slice(-20), capacity + 4.5);

    server.serviceMs = 80;
    const second = await run(35);
    expectAround(second.limits.slice(-20), capacity + 4.5);
  });

  test("aimd oscillates below the number of calls at which the server refuses, however slow it is", async () => {
    const { server, run } = world({ algorithm: aimd(), maxQueue: 10 });
    const first = await run(12);
    expectAround(first.limits.slice(-40), 0.95 * (capacity + 10));

    server.serviceMs = 80;
    const second = await run(10);
    expectAround(second.limits.slice(-40), 0.95 * (capacity + 10));
    expect(Math.min(...second.limits)).toBeGreaterThan(capacity * 0.8);
  });

  test.each([
    ["gradient2", gradient2({ windowMs: 100 })],
    ["vegas", vegas({ windowMs: 100 })],
    ["aimd", aimd()],
  ])("%s keeps the server busy once it has settled", async (_name, algorithm) => {
    const { run } = world({ algorithm, maxQueue: 10 });
    await run(8);
    const { answered } = await run(4);
    expect(answered).toBeGreaterThan(0.97 * 4_000);
  });

  test.each([
    ["gradient2", gradient2({ windowMs: 100 }), 20],
    ["vegas", vegas({ windowMs: 100 }), 20],
    ["aimd", aimd(), 10],
  ])("%s refuses nothing and does not change under little load", async (_name, algorithm, initial) => {
    const { run } = world({ algorithm });
    // A fifth of the initial limit is in flight on average.
    const { limits, refused } = await run(10, (0.2 * initial) / capacity);
    expect(refused).toBe(0);
    expect(Math.max(...limits)).toBeLessThanOrEqual(initial + 8);
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(initial);
  });
});
