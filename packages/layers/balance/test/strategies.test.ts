import type { Random } from "@pagoda/core";
import { seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Candidate,
  leastRequest,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
  weightedRoundRobin,
} from "@pagoda/balance";
import { candidates } from "./candidates.ts";
import { counts, crowdOf, weighing } from "./crowd.ts";

type Make = (options: { readonly random: Random }) => Strategy;
const strategies: readonly (readonly [string, Make])[] = [
  ["round-robin", roundRobin],
  ["weighted-round-robin", weightedRoundRobin],
  ["random", random],
  ["least-request", leastRequest],
  ["peak-ewma", peakEwma],
];

interface Each {
  readonly ready: boolean;
  readonly weight: number;
  readonly pending: number;
  readonly share: number;
}

const each: fc.Arbitrary<Each> = fc.record({
  ready: fc.boolean(),
  weight: fc.oneof(
    fc.constantFrom(1, 1e-6, 1e6, 1e-308, 1e308),
    fc.double({ min: 0.01, max: 100, noNaN: true }),
  ),
  pending: fc.nat(20),
  share: fc.constantFrom(1, 1, 0.1, 1e-9),
});

describe.each(strategies)("%s", (name, make) => {
  /** Candidates whose readiness changes, and those that have been seen to be ready. */
  function crowd(list: readonly Each[], load: Strategy["load"], seen: Set<number>): Candidate[] {
    return list.map(({ ready, ...one }, n) => ({
      ...one,
      key: String(n),
      load: load?.({ key: String(n) }, 0),
      isReady() {
        if (ready) seen.add(n);
        return ready;
      },
    }));
  }

  test("describes its name", () => {
    expect(make({ random: seededRandom(1) }).name).toBe(name);
  });

  test("property: picks an endpoint seen to be ready if there is any, for any sequence of lists", () => {
    fc.assert(
      fc.property(fc.array(fc.array(each, { maxLength: 12 }), { maxLength: 6 }), fc.nat(), (lists, seed) => {
        const strategy = make({ random: seededRandom(seed) });
        for (const list of lists) {
          const seen = new Set<number>();
          strategy.update(crowd(list, strategy.load, seen));
          for (let pick = 0; pick < 20; pick++) {
            seen.clear();
            const picked = strategy.pick(undefined, pick);
            expect(picked >= 0).toBe(list.some(({ ready }) => ready));
            expect(seen.has(picked) || picked === -1).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("finds the only ready one of a thousand", () => {
    const strategy = make({ random: seededRandom(2) });
    strategy.update(candidates(Array.from({ length: 1_000 }, (_, n) => n === 617)));
    for (let pick = 0; pick < 10; pick++) expect(strategy.pick(undefined, 0)).toBe(617);
  });

  test("gives an endpoint in slow start less than its share, and all calls if no other is ready", () => {
    const strategy = make({ random: seededRandom(3) });
    const [slow, ...others] = weighing(1, 1, 1, 1);
    const starting: Candidate = { ...(slow as Candidate), share: 0.2 };
    const [ofStarting, ...ofOthers] = counts(strategy, [starting, ...others], 10_000);
    expect(ofStarting).toBeGreaterThan(350);
    expect(ofStarting).toBeLessThan(750);
    for (const calls of ofOthers) expect(calls).toBeGreaterThan(2_500);

    strategy.update([...candidates([false, false]), starting]);
    for (let pick = 0; pick < 50; pick++) expect(strategy.pick(undefined, 0)).toBe(2);
  });

  test("spreads calls over endpoints in slow start if no other is ready (defect: the first got all)", () => {
    const strategy = make({ random: seededRandom(5) });
    const among = crowdOf(4, (n) => ({ share: 1e-9, isReady: () => n > 0 }));
    const [none, ...ofStarting] = counts(strategy, among, 3_000);
    expect(none).toBe(0);
    for (const calls of ofStarting) expect(calls).toBeGreaterThan(500);
  });

  test("loses no endpoint if a readiness check throws", () => {
    const strategy = make({ random: seededRandom(4) });
    let broken = true;
    const crowded = candidates([true, true, true], {
      isReady() {
        if (broken) throw new Error("a defect");
        return true;
      },
    });
    strategy.update(crowded);
    for (let pick = 0; pick < 5; pick++) expect(() => strategy.pick(undefined, 0)).toThrow("a defect");
    broken = false;
    const picked = new Set(Array.from({ length: 60 }, () => strategy.pick(undefined, 0)));
    expect([...picked].toSorted()).toEqual([0, 1, 2]);
  });
});
