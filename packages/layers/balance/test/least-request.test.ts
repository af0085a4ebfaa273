import type { Random } from "@pagoda/core";
import { seededRandom } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { type Candidate, leastRequest } from "@pagoda/balance";
import { counts, crowdOf } from "./crowd.ts";

/** Candidates with these pending calls, which tests change. */
class Busy {
  readonly crowd: readonly Candidate[];
  readonly pending: number[];

  constructor(...weights: readonly number[]) {
    this.pending = weights.map(() => 0);
    const { pending } = this;
    this.crowd = crowdOf(weights.length, (n) => ({
      weight: weights[n] as number,
      get pending() {
        return pending[n] as number;
      },
    }));
  }
}

/** A random source that returns these numbers in order. */
function scripted(...numbers: readonly number[]): Random {
  const left = [...numbers];
  return () => left.shift() ?? 0;
}

describe("leastRequest", () => {
  test("takes the drawn one with fewer pending calls, and the first on ties", () => {
    const { crowd, pending } = new Busy(1, 1, 1);
    // 0.5 draws the second of three; then 0.6 draws the one after it, 0.1 the one before it.
    for (const [other, place] of [
      [0.6, 2],
      [0.1, 0],
    ] as const) {
      const pick = (): number => {
        const strategy = leastRequest({ random: scripted(0.5, other) });
        strategy.update(crowd);
        return strategy.pick(undefined, 0);
      };
      pending.splice(0, 3, 4, 4, 4);
      expect(pick()).toBe(1);
      pending[place] = 3;
      expect(pick()).toBe(place);
      pending[1] = 3;
      expect(pick()).toBe(1);
    }
  });

  test("draws two distinct endpoints, every pair equally often", () => {
    const { crowd, pending } = new Busy(1, 1, 1, 1);
    // The less busy one of a pair is taken: the last never, unless drawn twice; the first whenever
    // it is drawn.
    pending.splice(0, 4, 0, 1, 2, 3);
    const picked = counts(leastRequest({ random: seededRandom(1) }), crowd, 60_000);
    for (const [n, of12] of [6, 4, 2, 0].entries()) {
      expect(Math.abs((picked[n] as number) - of12 * 5_000)).toBeLessThan(600);
    }
  });

  test("draws two distinct endpoints by weight", () => {
    const { crowd, pending } = new Busy(50, 1, 1);
    pending[0] = 1_000;
    const picked = counts(leastRequest({ random: seededRandom(6) }), crowd, 5_000);
    expect(picked[0]).toBe(0);
  });

  test("takes the other one if the less busy is not ready, and checks only those it may take", () => {
    const asked: string[] = [];
    const crowd = crowdOf(2, (n) => ({
      pending: n,
      isReady() {
        asked.push(String(n));
        return n === 1;
      },
    }));
    const strategy = leastRequest({ random: seededRandom(2) });
    strategy.update(crowd);
    expect(strategy.pick(undefined, 0)).toBe(1);
    expect(asked).toEqual(["0", "1"]);
  });

  test("keeps pending calls in proportion to weights", () => {
    const { crowd, pending } = new Busy(3, 1, 1);
    const random = seededRandom(3);
    const strategy = leastRequest({ random });
    strategy.update(crowd);
    for (let call = 0; call < 500; call++) pending[strategy.pick(undefined, 0)]!++;
    expect(Math.abs((pending[0] as number) - 300)).toBeLessThanOrEqual(6);
    expect(Math.abs((pending[1] as number) - 100)).toBeLessThanOrEqual(3);
  });

  test("gives an endpoint of small weight its share even if both are always drawn", () => {
    const { crowd, pending } = new Busy(99, 1);
    const random = seededRandom(4);
    const strategy = leastRequest({ random });
    strategy.update(crowd);
    let ofSmall = 0;
    const underWay: number[] = [];
    for (let call = 0; call < 20_000; call++) {
      const place = strategy.pick(undefined, 0);
      ofSmall += place;
      pending[place]!++;
      underWay.push(place);
      if (underWay.length > 10) pending[underWay.shift() as number]!--;
    }
    expect(ofSmall / 20_000).toBeGreaterThan(0.005);
    expect(ofSmall / 20_000).toBeLessThan(0.015);
  });

  test("avoids a slow endpoint", () => {
    const { crowd, pending } = new Busy(1, 1, 1, 1, 1);
    const strategy = leastRequest({ random: seededRandom(5) });
    strategy.update(crowd);
    const ends: [number, number][] = [];
    const picked = crowd.map(() => 0);
    for (let now = 0; now < 20_000; now++) {
      const place = strategy.pick(undefined, now);
      picked[place]!++;
      pending[place]!++;
      ends.push([now + (place === 0 ? 100 : 10), place]);
      for (let n = ends.length - 1; n >= 0; n--) {
        if ((ends[n] as [number, number])[0] > now) continue;
        const [ended] = ends.splice(n, 1) as [[number, number]];
        pending[ended[1]]!--;
      }
    }
    expect((picked[0] as number) / 20_000).toBeLessThan(0.06);
  });
});
