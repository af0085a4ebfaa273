import { type Clock, idempotent, type Replayable, right, service, type Service } from "@pagoda/core";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { hedge } from "@pagoda/hedge";

/** Answers after `latency`, and stops when aborted. */
function origin(clock: Clock, latency: () => number) {
  let calls = 0;
  const inner = service<Replayable, string>("origin", (_request, signal) => {
    calls++;
    return new Promise((resolve) => {
      const timer = clock.setTimer(latency(), () => resolve(right("done")));
      signal?.addEventListener("abort", () => {
        clock.clearTimer(timer);
        resolve(right("aborted"));
      });
    });
  });
  return { inner, calls: () => calls };
}

/** Makes 200 calls per second for a minute and returns the sorted latencies. */
async function aMinute(
  clock: ReturnType<typeof virtualClock>,
  stack: Service<Replayable, string>,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let at = 0; at < 60_000; at += 5) {
    clock.setTimer(at, () => {
      const start = clock.now();
      void stack.call({ replay: idempotent }).then(() => latencies.push(clock.now() - start));
    });
  }
  await clock.runAll();
  expect(latencies).toHaveLength(12_000);
  return latencies.toSorted((a, b) => a - b);
}

/** One call in a hundred takes 1,800 ms, the others about ten: the tail of BigTable in the paper. */
function heavyTail(seed: number): () => number {
  const random = seededRandom(seed);
  return () => (random() < 0.01 ? 1_800 : 2 - 8 * Math.log(1 - random()));
}

function at(quantile: number, sorted: readonly number[]): number {
  return sorted[Math.floor(quantile * sorted.length)] as number;
}

describe("the tail at scale", () => {
  test.each([1, 2])("two percent extra load removes it (seed %d)", async (seed) => {
    const plainClock = virtualClock();
    const plain = await aMinute(plainClock, origin(plainClock, heavyTail(seed)).inner);

    const clock = virtualClock();
    const { inner, calls } = origin(clock, heavyTail(seed));
    const hedged = await aMinute(clock, hedge({ maxExtraLoad: 0.02, clock })(inner));

    expect(at(0.995, plain)).toBe(1_800);
    // The first period, a sixth of the time, has no second calls.
    expect(at(0.995, hedged)).toBeLessThan(100);
    expect(hedged.filter((ms) => ms >= 1_800).length).toBeLessThan(
      0.3 * plain.filter((ms) => ms >= 1_800).length,
    );
    expect(calls() / 12_000).toBeLessThanOrEqual(1.02);
    expect(at(0.5, hedged)).toBeCloseTo(at(0.5, plain), 0);
    expect(clock.pending).toBe(0);
  });

  test("p99.8 drops to a twentieth from the second period on", async () => {
    const clock = virtualClock();
    const { inner } = origin(clock, heavyTail(7));
    // The remaining slow calls were slow twice, or came in a burst larger than the budget.
    const stack = hedge({ maxExtraLoad: 0.03, clock })(inner);
    await aMinute(clock, stack);
    const later = await aMinute(clock, stack);
    expect(at(0.998, later)).toBeLessThan(90);
  });

  test("an origin that keeps slowing down gets at most the extra load", async () => {
    const clock = virtualClock();
    const random = seededRandom(1);
    const { inner } = origin(clock, () => 10 * 2 ** Math.floor(clock.now() / 10_000) + random());
    const hedges: number[] = [];
    const observer = { hedged: () => hedges.push(clock.now()) };
    await aMinute(clock, hedge({ maxExtraLoad: 0.02, clock, observer })(inner));
    expect(hedges.length).toBeGreaterThan(100);
    // The window holds 2,000 calls of ten seconds.
    for (const start of hedges) {
      expect(hedges.filter((each) => each >= start && each < start + 10_000).length).toBeLessThanOrEqual(40);
    }
  });

  test("aborted calls do not keep shrinking the delay", async () => {
    const clock = virtualClock();
    const random = seededRandom(1);
    const { inner } = origin(clock, () => 100 * random());
    const stack = hedge({ maxExtraLoad: 0.05, clock })(inner);
    for (let minutes = 0; minutes < 2; minutes++) await aMinute(clock, stack);
    // Between the latencies exceeded by 10% and by 5% of calls; the former is the largest possible bias.
    expect(stack.describe().state?.["delayMs"]).toBeGreaterThan(88);
    expect(stack.describe().state?.["delayMs"]).toBeLessThan(98);
  });
});
