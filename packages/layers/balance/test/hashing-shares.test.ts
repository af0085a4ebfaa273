import { describe, expect, test } from "vitest";
import { hash } from "../src/hash.ts";
import { MaglevTable } from "../src/maglev-table.ts";
import { Ring } from "../src/ring.ts";
import { shares } from "./crowd.ts";
import { hashings, mapping, ring, servers, table, tally } from "./hashing.ts";

/** The greatest relative deviation of the owners' shares from their weights. */
function worst(owned: readonly number[], weights: readonly number[]): number {
  const whole = owned.reduce((sum, each) => sum + each, 0);
  return Math.max(...shares(weights).map((share, n) => Math.abs((owned[n] as number) / whole / share - 1)));
}

/** Number of slots of each owner. */
function places({ owners }: Ring | MaglevTable, count: number): number[] {
  const each = Array.from({ length: count }, () => 0);
  for (const owner of owners) each[owner]!++;
  return each;
}

/** Share of all hashes of each owner, by sampling them evenly. */
function owned(hashTable: Ring, count: number): number[] {
  const hashes = 400_000;
  const each = Array.from({ length: count }, () => 0);
  for (let n = 0; n < hashes; n++) {
    each[hashTable.owners[hashTable.find(Math.floor((n + 0.5) * (2 ** 32 / hashes)))] as number]!++;
  }
  return each;
}

const maglevOf = { tableSize: 65_537, seed: 0 };

describe("shares", () => {
  test.each([2, 3, 11, 100, 600])("of %i in a Maglev table are even to within a slot", (count) => {
    const each = places(new MaglevTable(servers(count), maglevOf), count);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
    expect(worst(each, Array(count).fill(1))).toBeLessThan(0.01);
  });

  test("every slot of a Maglev table gets the same number of hashes", () => {
    const hashTable = new MaglevTable(servers(3), { tableSize: 251, seed: 0 });
    const found = Array.from({ length: 251 }, () => 0);
    for (let n = 0; n < 251_000; n++) found[hashTable.find(Math.floor(((n + 0.5) / 251_000) * 2 ** 32))]!++;
    expect(found).toEqual(found.map(() => 1_000));
    expect([hashTable.find(0), hashTable.find(2 ** 32 - 1)]).toEqual([0, 250]);
    const largest = new MaglevTable([], { tableSize: 5_000_011, seed: 0 });
    expect(largest.find(2 ** 32 - 1)).toBe(5_000_010);
  });

  test.each([
    [2, 0.25],
    [11, 0.25],
    [100, 0.3],
    [1_000, 0.35],
  ])("of %i on a ring are even to within %d", (count, bound) => {
    for (const seed of [0, 1, 2]) {
      const hashTable = new Ring(servers(count), { points: 256, seed });
      expect(worst(owned(hashTable, count), Array(count).fill(1))).toBeLessThan(bound);
    }
  });

  test("on a ring deviate by 1/√points", () => {
    for (const points of [64, 256, 1_024]) {
      const count = 100;
      const each = owned(new Ring(servers(count), { points, seed: 0 }), count);
      const mean = 400_000 / count;
      const deviation = Math.sqrt(each.reduce((sum, n) => sum + (n / mean - 1) ** 2, 0) / count);
      expect(deviation * Math.sqrt(points)).toBeGreaterThan(0.7);
      expect(deviation * Math.sqrt(points)).toBeLessThan(1.3);
    }
  });

  test.each(hashings)("of requests are as even as those of hashes: %s", (name, make) => {
    const counts = tally(make(), servers(10));
    // 2,000 each; within 170 of that by chance in all but one of 10,000 cases.
    for (const calls of counts) expect(Math.abs(calls - 2_000)).toBeLessThan(name === "maglev" ? 190 : 550);
  });

  const weights = [1, 2, 3, 10, 0.5, 4, 4];
  const weighted = servers(weights.length, (n) => ({ weight: weights[n] as number }));

  test("follow weights in a Maglev table, to within two slots", () => {
    for (const tableSize of [251, 65_537]) {
      const each = places(new MaglevTable(weighted, { tableSize, seed: 0 }), weights.length);
      for (const [n, share] of shares(weights).entries()) {
        expect(Math.abs((each[n] as number) - share * tableSize)).toBeLessThan(2);
      }
    }
  });

  test("follow weights on a ring", () => {
    const hashTable = new Ring(weighted, { points: 16_384, seed: 0 });
    expect(worst(owned(hashTable, weights.length), weights)).toBeLessThan(0.08);
    expect(places(new Ring(weighted, { points: 256, seed: 0 }), weights.length)).toEqual([
      26, 51, 77, 256, 13, 102, 102,
    ]);
  });

  test("of a light endpoint are rounded to the nearest", () => {
    const canary = servers(11, (n) => ({ weight: n === 0 ? 0.0117 : 1 }));
    expect(places(new MaglevTable(canary, maglevOf), 11)[0]).toBe(Math.round((65_537 * 0.0117) / 10.0117));
  });

  test("depend only on the proportion of weights", () => {
    const great = servers(4, (n) => ({ weight: (n + 1) * 1e300 }));
    const small = servers(4, (n) => ({ weight: (n + 1) * 1e-300 }));
    for (const make of [ring, table]) {
      expect(mapping(make(), great)).toEqual(mapping(make(), small));
    }
  });
});

describe("a Maglev table", () => {
  /** Listing 1 of the paper, with complete permutations. */
  function populate(keys: readonly string[], size: number, seed: number): number[] {
    const permutations = keys.map((key) => {
      const offset = hash(key, seed) % size;
      const skip = (hash(key, (seed ^ 0x9e3779b9) >>> 0) % (size - 1)) + 1;
      return Array.from({ length: size }, (_, j) => (offset + j * skip) % size);
    });
    const next = keys.map(() => 0);
    const entry = Array.from({ length: size }, () => -1);
    for (let filled = 0; ;) {
      for (const [i, permutation] of permutations.entries()) {
        while (entry[permutation[next[i] as number] as number] !== -1) next[i]!++;
        entry[permutation[next[i] as number] as number] = i;
        if (++filled === size) return entry;
      }
    }
  }

  test.each([
    [1, 2],
    [2, 7],
    [3, 251],
    [20, 1_009],
    [300, 251],
  ])("of %i endpoints and %i slots equals the paper's", (count, tableSize) => {
    const list = servers(count).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const expected = populate(
      list.map(({ key }) => key),
      tableSize,
      5,
    );
    expect([...new MaglevTable(list, { tableSize, seed: 5 }).owners]).toEqual(expected);
  });
});
