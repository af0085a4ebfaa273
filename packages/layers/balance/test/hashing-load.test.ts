import { seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Candidate } from "@pagoda/balance";
import { address, hashings, type Keyed, mapping, servers, users } from "./hashing.ts";

/** Endpoints whose pending calls a test changes. */
function busy(pending: number[], weights: readonly number[] = pending.map(() => 1)): Candidate[] {
  return servers(pending.length, (n) =>
    Object.defineProperty({ weight: weights[n] as number }, "pending", {
      enumerable: true,
      get: () => pending[n] as number,
    }),
  );
}

describe.each(hashings)("%s with a bounded load", (_name, make) => {
  test("a hot key overflows to others once its endpoint has 1.25 times its share", () => {
    const pending = Array.from({ length: 10 }, () => 0);
    const strategy = make({ maxLoadRatio: 1.25 });
    strategy.update(busy(pending));
    const own = strategy.pick("hot", 0);
    const order: number[] = [];
    for (let call = 1; call <= 100; call++) {
      const picked = strategy.pick("hot", 0);
      if (pending[picked] === 0) order.push(picked);
      pending[picked]!++;
      expect(Math.max(...pending)).toBeLessThanOrEqual(Math.ceil((1.25 * call) / 10));
    }
    expect(order[0]).toBe(own);
    expect(pending[own]).toBe(13);
    expect(order.length).toBeGreaterThanOrEqual(8);
    // It gets the key back as soon as it has room again.
    pending[own] = 0;
    expect(strategy.pick("hot", 0)).toBe(own);
  });

  test("the average includes the call to be made", () => {
    const pending = [0, 0];
    const strategy = make({ maxLoadRatio: 1.5 });
    strategy.update(busy(pending));
    const own = strategy.pick("hot", 0);
    pending[own] = 1;
    // Its bound is 1.5 of two calls, rounded up.
    expect(strategy.pick("hot", 0)).toBe(own);
    // And three of four, which it has.
    pending[own] = 3;
    expect(strategy.pick("hot", 0)).toBe(1 - own);
  });

  test("without the bound, a hot key stays", () => {
    const pending = [0, 0, 0, 0];
    const strategy = make();
    strategy.update(busy(pending));
    for (let call = 0; call < 100; call++) pending[strategy.pick("hot", 0)]!++;
    expect(pending.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 100]);
  });

  test("property: no endpoint exceeds its bound", () => {
    const weight = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1e300, 1e-300));
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 1.01, max: 3, noNaN: true }),
        fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 80 }),
        (weights, maxLoadRatio, steps) => {
          const pending = weights.map(() => 0);
          const strategy = make({ maxLoadRatio, random: seededRandom(1) });
          strategy.update(busy(pending, weights));
          const greatest = Math.max(...weights);
          const whole = weights.reduce((sum, each) => sum + each / greatest, 0);
          let calls = 0;
          for (const [user, ends] of steps) {
            const busiest = pending.indexOf(Math.max(...pending));
            if (ends && calls > 0) {
              pending[busiest]!--;
              calls--;
              continue;
            }
            const picked = strategy.pick(`user-${user}`, 0);
            pending[picked]!++;
            calls++;
            const share = (weights[picked] as number) / greatest / whole;
            // Tolerates an error in the last bit, but not a whole call.
            expect(pending[picked]).toBeLessThanOrEqual(Math.ceil(maxLoadRatio * calls * share + 1e-9));
          }
        },
      ),
    );
  });

  test("keys stay while the load is even", () => {
    const strategy = make({ maxLoadRatio: 1.25 });
    const idle = mapping(make(), servers(10));
    expect(
      mapping(
        strategy,
        servers(10, () => ({ pending: 50 })),
      ),
    ).toEqual(idle);
  });

  test("a call that no endpoint has room for goes to its own", () => {
    // The endpoints with room are not ready.
    const strategy = make({ maxLoadRatio: 1.1 });
    const plain = make();
    const among = servers(6, (n) => ({ pending: n < 2 ? 50 : 0, isReady: () => n < 2 }));
    expect(mapping(strategy, among)).toEqual(mapping(plain, among));
  });
});

describe.each(hashings)("%s with slow start", (_name, make) => {
  test("a new endpoint gets its share of its own keys, and the others get the rest", () => {
    const strategy = make({ random: seededRandom(3) });
    const own = mapping(make(), servers(5));
    const starting = mapping(
      strategy,
      servers(5, (n) => ({ share: n === 2 ? 0.25 : 1 })),
    );
    const keysOfNewcomer = own.filter((endpoint) => endpoint === address(2)).length;
    const got = starting.filter((endpoint) => endpoint === address(2)).length;
    expect(Math.abs(got / keysOfNewcomer - 0.25)).toBeLessThan(0.04);
    const ofOthers = (all: readonly Keyed[]): Keyed[] => all.filter((_, n) => own[n] !== address(2));
    expect(ofOthers(starting)).toEqual(ofOthers(own));
  });

  test("while all are starting, each gets its own keys, except those that slow start sends elsewhere", () => {
    const strategy = make({ random: seededRandom(4) });
    expect(
      mapping(
        strategy,
        servers(5, () => ({ share: 1e-12 })),
      ),
    ).toEqual(mapping(make(), servers(5)));
    const some: Keyed[] = mapping(
      strategy,
      servers(5, (n) => ({ share: 1e-12, isReady: () => n > 0 })),
    );
    expect(new Set(some)).toEqual(new Set([1, 2, 3, 4].map((n) => address(n))));
    expect(some.length).toBe(users.length);
  });
});
