import { type Clock, idempotent, type Replayable, service, type Service } from "@pagoda/core";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { hedge } from "@pagoda/hedge";

/** Answers after what `latency` says, and stops when it is aborted. */
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

/** 200 calls a second for a minute; the latencies in order. */
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

/** One call in a hundred takes 1,800 ms, the others some ten: the tail that the BigTable of the paper had. */
function heavyTail(seed: number): () => number {
  const random = seededRandom(seed);
  return () => (random() < 0.01 ? 1_800 : 2 - 8 * Math.log(1 - random()));
}

function at(quantile: number, sorted: readonly number[]): number {
  return sorted[Math.floor(quantile * sorted.length)] as number;
}

describe("the tail at scale", () => {
  test.each([1, 2])("two per cent more load take it away (seed %d)", async (seed) => {
    const plainClock = virtualClock();
    const plain = await aMinute(plainClock, origin(plainClock, heavyTail(seed)).inner);

    const clock = virtualClock();
    const { inner, calls } = origin(clock, heavyTail(seed));
    const hedged = await aMinute(clock, hedge({ maxExtraLoad: 0.02, clock })(inner));

    expect(at(0.995, plain)).toBe(1_800);
    // The first period is without second calls: it is one sixth.
    expect(at(0.995, hedged)).toBeLessThan(100);
    expect(hedged.filter((ms) => ms >= 1_800).length).toBeLessThan(
      0.3 * plain.filter((ms) => ms >= 1_800).length,
    );
    expect(calls() / 12_000).toBeLessThanOrEqual(1.02);
    expect(at(0.5, hedged)).toBeCloseTo(at(0.5, plain), 0);
    expect(clock.pending).toBe(0);
  });

  test("from the second period on, p99.8 is cut to a twentieth", async () => {
    const clock = virtualClock();
    const { inner } = origin(clock, heavyTail(7));
    // What is left are calls that were slow twice, and those of a bunch that was larger than the budget.
    const stack = hedge({ maxExtraLoad: 0.03, clock })(inner);
    await aMinute(clock, stack);
    const later = await aMinute(clock, stack);
    expect(at(0.998, later)).toBeLessThan(90);
  });

  test("an origin that becomes slower and slower gets no more than the promised load", async () => {
    const clock = virtualClock();
    const random = seededRandom(1);
    const { inner } = origin(clock, () => 10 * 2 ** Math.floor(clock.now() / 10_000) + random());
    const hedges: number[] = [];
    const observer = { hedged: () => hedges.push(clock.now()) };
    await aMinute(clock, hedge({ maxExtraLoad: 0.02, clock, observer })(inner));
    expect(hedges.length).toBeGreaterThan(100);
    // 2,000 calls count, those of ten seconds.
    for (const start of hedges) {
      expect(hedges.filter((each) => each >= start && each < start + 10_000).length).toBeLessThanOrEqual(40);
    }
  });

  test("calls that are cut off do not make the delay shorter and shorter", async () => {
    const clock = virtualClock();
    const random = seededRandom(1);
    const { inner } = origin(clock, () => 100 * random());
    const stack = hedge({ maxExtraLoad: 0.05, clock })(inner);
    for (let minutes = 0; minutes < 2; minutes++) await aMinute(clock, stack);
    // Between what 10% and what 5% exceed; the first is the bias that cutting off can bring at most.
    expect(stack.describe().state?.["delayMs"]).toBeGreaterThan(88);
    expect(stack.describe().state?.["delayMs"]).toBeLessThan(98);
  });
});
