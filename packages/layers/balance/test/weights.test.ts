import { seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidate, leastRequest, random, weightedRoundRobin } from "@pagoda/balance";
import { AliasMethod } from "../src/alias-method.ts";
import { candidates } from "./candidates.ts";
import { counts, crowdOf, shares, weighing } from "./crowd.ts";

const weight = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.1, max: 50, noNaN: true }));

describe("weights", () => {
  const crowds = [
    [1, 2, 3, 4],
    [98, 1, 1],
    [99, 1],
    [0.5, 0.25, 0.25],
    Array.from({ length: 40 }, (_, n) => 1 + n),
  ];

  test.each([
    ["weighted round robin", weightedRoundRobin],
    ["random", random],
    ["least request, of endpoints that are idle", leastRequest],
  ])("hold within 1% over 100,000 picks: %s", (_, make) => {
    for (const weights of crowds) {
      const picked = counts(make({ random: seededRandom(5) }), weighing(...weights), 100_000);
      const ideal = shares(weights);
      for (const [n, calls] of picked.entries()) {
        expect(Math.abs(calls / 100_000 - (ideal[n] as number))).toBeLessThan(0.01);
      }
    }
  });

  test.each([
    ["weighted round robin", weightedRoundRobin],
    ["random", random],
    ["least request", leastRequest],
  ])("hold however far apart they are: %s", (_, make) => {
    for (const weights of [
      [1e-6, 1e6, 1],
      [1e308, 1e308, 1e-308],
      [5e-324, 1e300],
    ]) {
      const picked = counts(make({ random: seededRandom(6) }), weighing(...weights), 10_000);
      const ideal = shares(weights);
      for (const [n, calls] of picked.entries()) {
        expect(Math.abs(calls / 10_000 - (ideal[n] as number))).toBeLessThan(0.03);
      }
    }
  });
});

describe("weightedRoundRobin", () => {
  function sequence(picks: number, ...weights: readonly number[]): string {
    const strategy = weightedRoundRobin();
    strategy.update(weighing(...weights));
    return Array.from({ length: picks }, () => "abcdefgh"[strategy.pick(undefined, 0)]).join("");
  }

  test("interleaves the turns of a heavy endpoint with the others'", () => {
    expect(sequence(12, 3, 1, 1, 1)).toBe("abacadabacad");
    expect(sequence(14, 5, 1, 1)).not.toMatch(/aaaa/u);
  });

  test("with equal weights is round robin", () => {
    for (const each of [1, 0.1, 7]) expect(sequence(8, each, each, each)).toBe("abcabcab");
    expect(counts(weightedRoundRobin(), weighing(...Array.from({ length: 10 }, () => 0.1)), 1_000)).toEqual(
      Array.from({ length: 10 }, () => 100),
    );
  });

  test("property: no endpoint is ever a whole call ahead of or behind its share", () => {
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 12 }), (weights) => {
        const strategy = weightedRoundRobin();
        strategy.update(weighing(...weights));
        const ideal = shares(weights);
        const picked = weights.map(() => 0);
        let [most, least] = [0, 0];
        for (let pick = 1; pick <= 400; pick++) {
          picked[strategy.pick(undefined, 0)]!++;
          for (let n = 0; n < weights.length; n++) {
            const ahead = (picked[n] as number) - (ideal[n] as number) * pick;
            most = Math.max(most, ahead);
            least = Math.min(least, ahead);
          }
        }
        expect(most).toBeLessThan(1 + 1e-6);
        expect(least).toBeGreaterThan(-1 - 1e-6);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps turns over changes, and queues new endpoints last", () => {
    const strategy = weightedRoundRobin();
    const all = weighing(1, 1, 1, 1);
    const newcomer: Candidate = { ...(all[0] as Candidate), key: "new" };
    const lists = [all, all.toReversed(), [...all, newcomer], [newcomer, ...all.toReversed()]];
    const picked = Array.from({ length: 7 }, (_, n) => {
      const list = lists[Math.min(n, n % 2 === 0 ? 2 : 3)] as readonly Candidate[];
      strategy.update(list);
      return list[strategy.pick(undefined, 0)]?.key;
    });
    expect(new Set(picked.slice(0, 4))).toEqual(new Set(["0", "1", "2", "3"]));
    expect(picked[4]).toBe("new");
    expect(new Set(picked.slice(5))).toEqual(new Set(picked.slice(0, 2)));
  });

  test("applies a changed weight from then on", () => {
    const strategy = weightedRoundRobin();
    counts(strategy, weighing(1, 1), 101);
    const picked = counts(strategy, weighing(3, 1), 400);
    expect(Math.abs((picked[0] as number) - 300)).toBeLessThanOrEqual(1);
  });

  test("an endpoint that was not ready does not catch up", () => {
    let isReady = false;
    const crowd = weighing(1, 10, 1);
    crowd[1] = { ...(crowd[1] as Candidate), isReady: () => isReady };
    const strategy = weightedRoundRobin();
    // The others share the calls exactly.
    expect(counts(strategy, crowd, 1_000)).toEqual([500, 0, 500]);
    isReady = true;
    const picked = crowd.map(() => 0);
    for (let pick = 0; pick < 12; pick++) picked[strategy.pick(undefined, 0)]!++;
    expect(picked[1]).toBeGreaterThanOrEqual(9);
    expect(picked[1]).toBeLessThanOrEqual(11);
  });

  test("no endpoint loses a turn while none is ready", () => {
    let isReady = true;
    const crowd = crowdOf(3, (n) => ({ weight: n === 0 ? 1000 : 1, isReady: () => isReady }));
    const strategy = weightedRoundRobin();
    strategy.update(crowd);
    const other = weightedRoundRobin();
    other.update(weighing(1000, 1, 1));
    for (let pick = 0; pick < 3_000; pick++) {
      isReady = false;
      for (let vain = 0; vain < pick % 3; vain++) expect(strategy.pick(undefined, 0)).toBe(-1);
      isReady = true;
      expect(strategy.pick(undefined, 0)).toBe(other.pick(undefined, 0));
    }
  });

  test("continues unchanged when the time is reset", () => {
    // The first turns of the light ones are at 10^12. Time jumps there, since the heavy one is not
    // ready.
    const crowd = weighing(1e6, 1e-6, 1e-6);
    crowd[0] = { ...(crowd[0] as Candidate), isReady: () => false };
    const strategy = weightedRoundRobin();
    expect(counts(strategy, crowd, 1_001)).toEqual([0, 501, 500]);
    expect(counts(strategy, weighing(1, 1, 1), 300)).toEqual([100, 100, 100]);
  });

  test("is exact however far time has jumped", () => {
    let isReady = false;
    const crowd = crowdOf(3, (n) => ({
      weight: [2, 1, 1e-300][n] as number,
      isReady: () => n === 2 || isReady,
    }));
    const strategy = weightedRoundRobin();
    expect(counts(strategy, crowd, 300)).toEqual([0, 0, 300]);
    isReady = true;
    const picked = [0, 0, 0];
    for (let pick = 0; pick < 300; pick++) picked[strategy.pick(undefined, 0)]!++;
    expect(Math.abs((picked[0] as number) - 200)).toBeLessThanOrEqual(2);
    expect(Math.abs((picked[1] as number) - 100)).toBeLessThanOrEqual(2);
  });

  test("checks each endpoint's readiness at most once per pick", () => {
    let asked = 0;
    const crowd = crowdOf(4, (n) => ({
      weight: n === 0 ? 1000 : 1,
      isReady() {
        asked++;
        return n === 3;
      },
    }));
    const strategy = weightedRoundRobin();
    strategy.update(crowd);
    for (let pick = 0; pick < 100; pick++) {
      asked = 0;
      expect(strategy.pick(undefined, 0)).toBe(3);
      expect(asked).toBeLessThanOrEqual(4);
    }
  });
});

describe("random", () => {
  test("follows weights while some endpoints are not ready", () => {
    const crowd = weighing(1, 3, 4);
    crowd[2] = { ...(crowd[2] as Candidate), isReady: () => false };
    const picked = counts(random({ random: seededRandom(8) }), crowd, 40_000);
    expect((picked[1] as number) / (picked[0] as number)).toBeGreaterThan(2.5);
  });

  test("picks nothing from an empty list", () => {
    const strategy = random();
    expect(strategy.pick(undefined, 0)).toBe(-1);
    strategy.update(candidates([]));
    expect(strategy.pick(undefined, 0)).toBe(-1);
  });
});

describe("AliasMethod", () => {
  test("gives each index exactly its share of the numbers from 0 to 1", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }), (weights) => {
        const alias = new AliasMethod(weights);
        // Each column is cut at a multiple of 1/sum; the points of this grid lie between the cuts.
        const sum = weights.reduce((total, each) => total + each, 0);
        const points = weights.length * sum;
        const drawn = weights.map(() => 0);
        for (let point = 0; point < points; point++) drawn[alias.draw(() => (point + 0.5) / points)]!++;
        expect(drawn).toEqual(weights.map((each) => each * weights.length));
      }),
    );
  });
});
