import { seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Candidate, Strategy } from "@pagoda/balance";
import type { Weighted } from "../src/hash-table.ts";
import { hash, mix } from "../src/hash.ts";
import { Ring } from "../src/ring.ts";
import { crowdOf } from "./crowd.ts";
import { type Keyed, ring, servers, table } from "./hashing.ts";

const weight = fc.oneof(
  fc.constantFrom(1, 1, 1e-6, 1e6, 1e-308, 1e308),
  fc.double({ min: 0.01, max: 100, noNaN: true }),
);
const each = fc.record({
  key: fc.constantFrom("a", "b", "c", "d", "e", "ä", "", "\ud800"),
  ready: fc.boolean(),
  weight,
  pending: fc.nat(20),
  share: fc.constantFrom(1, 1, 0.1, 1e-9),
});
const lists = fc.array(fc.uniqueArray(each, { selector: ({ key }) => key, maxLength: 8 }), { maxLength: 6 });
const requests = fc.array(fc.oneof(fc.string(), fc.constant(undefined)), { minLength: 1, maxLength: 20 });

const makers: readonly (readonly [string, () => Strategy<Keyed>])[] = [
  ["ring-hash", () => ring({ random: seededRandom(1) })],
  ["maglev", () => table({ tableSize: 1_009, random: seededRandom(1) })],
  ["ring-hash, bounded", () => ring({ points: 3, maxLoadRatio: 1.1, random: seededRandom(1) })],
  ["maglev, bounded", () => table({ tableSize: 7, maxLoadRatio: 1.1, random: seededRandom(1) })],
  // In such a small table some endpoints own no slot.
  ["maglev, tiny", () => table({ tableSize: 2, random: seededRandom(1) })],
];

describe.each(makers)("%s", (_name, make) => {
  test("property: picks an endpoint seen to be ready if there is any, for any sequence of lists", () => {
    fc.assert(
      fc.property(lists, requests, (all, asked) => {
        const strategy = make();
        for (const list of all) {
          const seen = new Set<number>();
          const among = list.map(({ ready, ...one }, n): Candidate => ({
            ...one,
            load: undefined,
            isReady() {
              if (ready) seen.add(n);
              return ready;
            },
          }));
          strategy.update(among);
          for (const request of asked) {
            seen.clear();
            const picked = strategy.pick(request, 0);
            expect(picked >= 0).toBe(list.some(({ ready }) => ready));
            expect(seen.has(picked) || picked === -1).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("finds the only ready one of a thousand, for each key", () => {
    const strategy = make();
    strategy.update(servers(1_000, (n) => ({ isReady: () => n === 617 })));
    for (let n = 0; n < 20; n++) expect(strategy.pick(`user-${n}`, 0)).toBe(617);
  });
});

describe("a ring", () => {
  const settings = { points: 64, seed: 3 };

  function pointOf(key: string, n: number): number {
    const one = hash(key, settings.seed);
    const other = hash(key, (settings.seed ^ 0x9e3779b9) >>> 0);
    return mix(one ^ mix(other + Math.imul(n, 0x9e3779b9)));
  }

  /** The model: all points, searched without order or index. */
  function ownerOf(list: readonly Weighted[], wanted: number): string | undefined {
    const greatest = Math.max(...list.map((one) => one.weight));
    let [best, bestDistance]: [string | undefined, number] = [undefined, Infinity];
    for (const { key, weight: own } of list) {
      for (let n = 0; n < Math.max(1, Math.round(settings.points * (own / greatest))); n++) {
        const distance = (pointOf(key, n) - wanted + 2 ** 32) % 2 ** 32;
        if (distance < bestDistance) [best, bestDistance] = [key, distance];
      }
    }
    return best;
  }

  const someList = fc.uniqueArray(fc.record({ key: fc.string({ maxLength: 5 }), weight }), {
    selector: ({ key }) => key,
    minLength: 1,
    maxLength: 12,
  });

  test("finds the endpoint of the next point", () => {
    const wanted = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 2 ** 32 - 1));
    fc.assert(
      fc.property(someList, fc.array(wanted, { minLength: 1, maxLength: 20 }), (list, hashes) => {
        const hashTable = new Ring(list, settings);
        for (const each of [...hashes, ...list.map(({ key }) => pointOf(key, 0))]) {
          expect(list[hashTable.owners[hashTable.find(each)] as number]?.key).toBe(ownerOf(list, each));
        }
      }),
    );
  });

  test("made from a previous one equals one made from scratch", () => {
    fc.assert(
      fc.property(fc.array(someList, { minLength: 1, maxLength: 6 }), (all) => {
        let hashTable: Ring | undefined;
        for (const list of all) {
          hashTable = new Ring(list, settings, hashTable);
          expect(new Ring(list, settings)).toEqual(hashTable);
        }
      }),
    );
  });

  test("with colliding points does not depend on their order", () => {
    // About 5 pairs of 200,000 points collide.
    const many = { points: 25_000, seed: 0 };
    const all = servers(8);
    const expected = keysOf(all, new Ring(all, many));
    for (const [first, then] of [
      [all.slice(4), all],
      [all.slice(0, 4), all],
      [all.filter((_, n) => n % 2 === 0), all.toReversed()],
      [all.filter((_, n) => n % 2 === 1).toReversed(), all],
    ] as const) {
      expect(keysOf(then, new Ring(then, many, new Ring(first, many)))).toEqual(expected);
    }
    expect(keysOf(all.toReversed(), new Ring(all.toReversed(), many))).toEqual(expected);
  });

  function keysOf(list: readonly Weighted[], { owners }: Ring): string {
    // Joined to one string, since comparing the values one by one takes seconds.
    return Array.from(owners, (owner) => list[owner]?.key.slice(-6)).join(" ");
  }

  test("keeps a point for endpoints of negligible weight", () => {
    const hashTable = new Ring(
      crowdOf(3, (n) => ({ weight: [1e308, 1, 5e-324][n] as number })),
      settings,
    );
    expect(new Set(hashTable.owners)).toEqual(new Set([0, 1, 2]));
    expect(hashTable.owners.length).toBe(66);
  });
});
