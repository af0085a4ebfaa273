import { seededRandom } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { hashings, mapping, moved, ring, servers, shuffled, table } from "./hashing.ts";

describe("when endpoints are added or removed", () => {
  test.each([3, 10, 50])("a ring moves only the keys of the removed one of %i", (count) => {
    const all = servers(count);
    const strategy = ring();
    const before = mapping(strategy, all);
    for (const gone of [0, 1, count - 1]) {
      const left = all.filter((_, n) => n !== gone);
      const after = mapping(strategy, left);
      const whose = before.filter((endpoint, n) => endpoint !== after[n]);
      expect(new Set(whose)).toEqual(new Set([all[gone]?.key]));
      expect(whose.length / before.length).toBeLessThan(1.3 / count);
      // The moved keys are spread over all others.
      const to = new Set(after.filter((endpoint, n) => endpoint !== before[n]));
      expect(to.size).toBeGreaterThan(0.9 * (count - 1) - 1);
      expect(mapping(strategy, all)).toEqual(before);
    }
  });

  test.each([
    [3, 0.36],
    [10, 0.13],
    [50, 0.045],
    [200, 0.025],
    [1_000, 0.01],
  ])("Maglev moves little more than the keys of the removed one of %i", (count, bound) => {
    const all = servers(count);
    const strategy = table();
    const before = mapping(strategy, all);
    const after = mapping(strategy, all.slice(1));
    const share = moved(before, after);
    expect(share).toBeGreaterThan(0.7 / count);
    expect(share).toBeLessThan(bound);
    expect(mapping(strategy, all)).toEqual(before);
  });

  test("a ring moves only the share of a removed light endpoint", () => {
    const all = servers(10, (n) => ({ weight: n === 4 ? 0.1 : 1 }));
    const strategy = ring();
    const before = mapping(strategy, all);
    const share = moved(
      before,
      mapping(
        strategy,
        all.filter((_, n) => n !== 4),
      ),
    );
    expect(share).toBeGreaterThan(0.003);
    expect(share).toBeLessThan(0.02);
  });

  test.each(hashings)("a weight increased by a tenth moves few keys: %s", (_name, make) => {
    const strategy = make();
    const before = mapping(
      strategy,
      servers(10, () => ({ weight: 10 })),
    );
    const after = mapping(
      strategy,
      servers(10, (n) => ({ weight: n === 0 ? 9 : 10 })),
    );
    expect(moved(before, after)).toBeLessThan(0.06);
  });

  test.each(hashings)(
    "keys of an endpoint that is not ready are spread over all others: %s",
    (_name, make) => {
      const strategy = make();
      const before = mapping(strategy, servers(10));
      const busy = mapping(
        strategy,
        servers(10, (n) => ({ isReady: () => n !== 6 })),
      );
      const lent = busy.filter((endpoint, n) => endpoint !== before[n]);
      expect(lent.length / before.length).toBeLessThan(0.13);
      const counts = new Map<unknown, number>();
      for (const endpoint of lent) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
      expect(counts.size).toBe(9);
      for (const count of counts.values()) expect(count / lent.length).toBeLessThan(0.25);
    },
  );

  test.each(hashings)("the order of the list does not matter: %s", (_name, make) => {
    const all = servers(40, (n) => ({ weight: 1 + (n % 3) }));
    const expected = mapping(make(), all);
    const random = seededRandom(9);
    const strategy = make();
    for (let round = 0; round < 5; round++) {
      expect(mapping(make(), shuffled(all, random))).toEqual(expected);
      // And after a previous list in another order.
      mapping(strategy, shuffled(all, random).slice(round * 5));
      expect(mapping(strategy, shuffled(all, random))).toEqual(expected);
    }
  });

  test.each([
    ["ring-hash", "3 2 0 3 3 2 1 1 1 2 2 0"],
    ["maglev", "2 1 0 1 0 0 3 2 3 0 0 2"],
  ])("the mapping is the same on every machine and in every version: %s", (name, expected) => {
    const make = new Map(hashings).get(name) as (typeof hashings)[number][1];
    const strategy = make({ seed: 2026 });
    strategy.update(servers(4));
    const texts = ["", "a", "Ann", "ann", "müller", "Ω", "日本", "\ud83d\ude00", "\ud83d", "x".repeat(999)];
    const picked = [...texts, "user-1", "user-2"].map((text) => strategy.pick(text, 0));
    expect(picked.join(" ")).toBe(expected);
  });
});
