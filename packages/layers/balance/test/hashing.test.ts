import { seededRandom, settled } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { maglev, type MaglevOptions, ringHash, type RingHashOptions, type Strategy } from "@pagoda/balance";
import { Hashing, type MakeTable } from "../src/hashing.ts";
import { MaglevTable } from "../src/maglev-table.ts";
import { balancing } from "./balancing.ts";
import {
  address,
  hashings,
  key,
  type Keyed,
  mapping,
  moved,
  ring,
  servers,
  table,
  users,
} from "./hashing.ts";

describe.each(hashings)("%s", (name, make) => {
  test("describes its name", () => {
    expect(make().name).toBe(name);
  });

  test("sends calls with the same key to the same endpoint", () => {
    const strategy = make();
    strategy.update(servers(20));
    const first = users.map((user) => strategy.pick(user, 0));
    expect(users.toReversed().map((user) => strategy.pick(user, 0))).toEqual(first.toReversed());
    expect(new Set(first).size).toBe(20);
  });

  test("agrees with others of the same seed only", () => {
    const among = servers(10);
    const mine = mapping(make({ seed: 5 }), among);
    expect(mapping(make({ seed: 5 }), among)).toEqual(mine);
    // One in ten stays by chance.
    expect(moved(mine, mapping(make({ seed: 6 }), among))).toBeGreaterThan(0.85);
  });

  test("sends requests without a key to any endpoint", () => {
    const strategy = make({ random: seededRandom(1) });
    const nobody = Array.from({ length: 10_000 }, () => undefined);
    const counts = new Map<Keyed, number>();
    for (const endpoint of mapping(strategy, servers(5), nobody)) {
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    }
    expect(counts.size).toBe(5);
    for (const calls of counts.values()) expect(Math.abs(calls - 2_000)).toBeLessThan(500);
  });

  test("the empty string is a key", () => {
    const chosen = mapping(make(), servers(5), ["", "", ""]);
    expect(new Set(chosen).size).toBe(1);
  });

  test("picks nothing from an empty list and the only one from a list of one", () => {
    const strategy = make();
    strategy.update([]);
    expect(strategy.pick("user", 0)).toBe(-1);
    expect(new Set(mapping(strategy, servers(1)))).toEqual(new Set([address(0)]));
    strategy.update(servers(2, () => ({ isReady: () => false })));
    expect(strategy.pick("user", 0)).toBe(-1);
    strategy.update([]);
    expect(strategy.pick("user", 0)).toBe(-1);
  });

  test("checks the readiness of each endpoint once, and of no more than needed", () => {
    const asked: number[] = [];
    const ready = new Set<number>();
    const strategy = make();
    strategy.update(
      servers(6, (n) => ({
        isReady() {
          asked.push(n);
          return ready.has(n);
        },
      })),
    );
    expect(strategy.pick("user", 0)).toBe(-1);
    expect(asked.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
    const order = asked.splice(0);
    ready.add(order[3] as number);
    expect(strategy.pick("user", 0)).toBe(order[3]);
    expect(asked).toEqual(order.slice(0, 4));
  });

  test("applies a new list with the same keys and weights", () => {
    const strategy = make();
    const without = mapping(
      strategy,
      servers(30, (n) => ({ isReady: () => n !== 3 })),
    );
    const all = mapping(strategy, servers(30));
    expect(new Set(without)).toEqual(new Set(servers(30).flatMap((_, n) => (n === 3 ? [] : address(n)))));
    expect(all).toContain(address(3));
    expect(all.filter((endpoint, n) => endpoint !== without[n])).toEqual(
      all.filter((endpoint) => endpoint === address(3)),
    );
  });

  test("detects a changed key or weight of the same candidate", () => {
    const strategy = make();
    const before = mapping(strategy, servers(4));
    const others = servers(4, (n) => ({ key: address(n + 100) }));
    const after = mapping(strategy, others);
    expect([...new Set(before)].filter((endpoint) => new Set(after).has(endpoint))).toEqual([]);
    expect(after).toEqual(mapping(make(), others));
    expect(mapping(strategy, servers(4))).toEqual(before);
  });

  test("loses no state if a readiness check throws", () => {
    let broken = true;
    const strategy = make();
    const among = servers(3, () => ({
      isReady() {
        if (broken) throw new Error("a defect");
        return true;
      },
    }));
    expect(() => mapping(strategy, among)).toThrow("a defect");
    broken = false;
    expect(new Set(mapping(strategy, among)).size).toBe(3);
  });

  test("in a balancer: keys stay, those of an unhealthy endpoint move, and an exception of `key` rejects", async () => {
    const { balanced, mock, spread, set } = balancing(["a", "b", "c"], {
      strategy: make({
        key(request) {
          if (request === "broken") throw new Error("a defect of the caller's");
          return request;
        },
      }) as Strategy,
    });
    expect(spread(7)).toMatch(/^[abc]7$/u);
    await expect(balanced.call("broken")).rejects.toThrow("a defect of the caller's");
    for (const user of users.slice(0, 60)) void balanced.call(user);
    await settled();
    const of = (server: string): string[] => mock(server).calls.map(({ request }) => request);
    const [ofA, ofB] = [of("a"), of("b")];
    const ofC = new Set(of("c"));
    expect(ofC.size).toBeGreaterThan(5);
    set("b", "a");
    for (const user of users.slice(0, 60)) void balanced.call(user);
    // Each user of a and b made another call, and each user of c went to one of these two.
    const now = [...of("a").slice(ofA.length), ...of("b").slice(ofB.length)];
    expect(now.toSorted()).toEqual(users.slice(0, 60).toSorted());
  });
});

describe("the table", () => {
  test("is rebuilt by the first pick after keys or weights change, once for many changes", () => {
    const made: string[][] = [];
    const make: MakeTable<MaglevTable> = (list, before) => {
      made.push([...list.map((candidate) => candidate.key), before === undefined ? "first" : "later"]);
      return new MaglevTable(list, { tableSize: 251, seed: 0 });
    };
    const strategy: Strategy<Keyed> = new Hashing("hashing", {}, { key }, make);
    strategy.update(servers(2));
    strategy.update(servers(3));
    expect(made).toEqual([]);
    strategy.pick("user", 0);
    expect(made.splice(0)).toEqual([[address(0), address(1), address(2), "first"]]);
    strategy.update(servers(3, (n) => ({ pending: n, share: 0.5 })));
    strategy.pick("user", 0);
    expect(made).toEqual([]);
    strategy.update(servers(3, (n) => ({ weight: n === 1 ? 2 : 1 })));
    strategy.pick("user", 0);
    strategy.pick("user", 0);
    expect(made.splice(0).length).toBe(1);
    strategy.update(servers(3, (n) => ({ key: address(2 - n), weight: n === 1 ? 2 : 1 })));
    strategy.pick("user", 0);
    expect(made.splice(0)).toEqual([[address(2), address(1), address(0), "later"]]);
  });
});

describe("options", () => {
  test.each<[Partial<RingHashOptions<Keyed>>, string]>([
    [{ points: 0 }, "points must be an integer from 1 to 65536 (got 0)"],
    [{ points: 1.5 }, "points must be an integer from 1 to 65536 (got 1.5)"],
    [{ points: 65_537 }, "points must be an integer from 1 to 65536 (got 65537)"],
    [{ maxLoadRatio: 1 }, "maxLoadRatio must be a number above 1, or Infinity (got 1)"],
    [{ maxLoadRatio: Number.NaN }, "maxLoadRatio must be a number above 1, or Infinity (got NaN)"],
    [{ seed: -1 }, "seed must be an integer from 0 to 4294967295 (got -1)"],
    [{ seed: 0.5 }, "seed must be an integer from 0 to 4294967295 (got 0.5)"],
    [{ seed: 2 ** 32 }, "seed must be an integer from 0 to 4294967295 (got 4294967296)"],
  ])("ringHash rejects %o", (options, why) => {
    expect(() => ring(options)).toThrow(new RangeError(`balance: ${why}`));
  });

  test.each<[Partial<MaglevOptions<Keyed>>, string]>([
    ...[0, 1, 4, 65_536, 65_537 * 2, 251 * 251, 7.5, -7, Number.NaN, Infinity, 5_000_077].map(
      (tableSize): [{ tableSize: number }, string] => [
        { tableSize },
        `tableSize must be a prime number from 2 to 5000011 (got ${tableSize})`,
      ],
    ),
    [{ maxLoadRatio: 0.5 }, "maxLoadRatio must be a number above 1, or Infinity (got 0.5)"],
    [{ seed: Infinity }, "seed must be an integer from 0 to 4294967295 (got Infinity)"],
  ])("maglev rejects %o", (options, why) => {
    expect(() => table(options)).toThrow(new RangeError(`balance: ${why}`));
  });

  test.each([2, 3, 5, 251, 65_537, 5_000_011])("maglev accepts the prime %i", (tableSize) => {
    expect(table({ tableSize }).options).toEqual({ tableSize });
  });

  test("are described, except the seed, which may be a secret", () => {
    expect(ring({ seed: 7, maxLoadRatio: 1.25 }).options).toEqual({ points: 256, maxLoadRatio: 1.25 });
    expect(table({ seed: 7 }).options).toEqual({ tableSize: 65_537 });
  });

  test("the type of the key's request applies to the balancer", () => {
    interface FromUser {
      readonly user: string;
    }
    const byUser = ringHash({ key: ({ user }: FromUser) => user });
    expectTypeOf(byUser).toEqualTypeOf<Strategy<FromUser>>();
    expectTypeOf(maglev({ key: ({ user }: FromUser) => user })).toEqualTypeOf<Strategy<FromUser>>();
    expectTypeOf(maglev({ key: () => undefined })).toExtend<Strategy<unknown>>();
    // @ts-expect-error: the key reads what these requests lack.
    expect(() => balancing(["a"], { strategy: byUser })).not.toThrow();
    // @ts-expect-error: a key is a string.
    expect(() => ringHash({ key: (request: number) => request })).not.toThrow();
    expect(key("Ann")).toBe("Ann");
  });
});
