import { mockService, seededRandom, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { balance, leastRequest, roundRobin, type SlowStart } from "@pagoda/balance";
import { Ramp } from "../src/slow-start.ts";
import { balancing } from "./balancing.ts";
import { fakeDiscovery } from "./fake-discovery.ts";
import { Operator } from "./operator.ts";

const strategy = () => roundRobin({ random: seededRandom(1) });

/** Number of calls that reached one endpoint. */
function reached(spread: string, key: string): number {
  return Number(new RegExp(`${key}(\\d+)`, "u").exec(spread)?.[1] ?? 0);
}

describe("Ramp", () => {
  test("rises linearly from least to the full share, and restarts", async () => {
    const clock = virtualClock();
    const record = { beganMs: -Infinity };
    const ramp = new Ramp({ ms: 1_000, least: 0.2 }, clock, record);
    expect(ramp.share).toBe(1);
    record.beganMs = clock.now();
    const at = async (ms: number): Promise<number> => {
      await clock.advance(ms);
      return ramp.share;
    };
    expect([await at(0), await at(100), await at(100), await at(300), await at(499)]).toEqual([
      0.2, 0.2, 0.2, 0.5, 0.999,
    ]);
    expect(await at(1)).toBe(1);
    record.beganMs = clock.now();
    expect(ramp.share).toBe(0.2);
  });

  test("starts at a tenth by default", () => {
    const clock = virtualClock();
    const ramp = new Ramp({ ms: 1_000 }, clock, { beganMs: clock.now() });
    expect(ramp.share).toBe(0.1);
  });

  test("does not read the clock once it is over", async () => {
    const clock = virtualClock();
    let asked = 0;
    const ramp = new Ramp(
      { ms: 1_000 },
      { ...clock, now: () => (asked++, clock.now()) },
      { beganMs: clock.now() },
    );
    await clock.advance(1_000);
    expect(ramp.share).toBe(1);
    const before = asked;
    for (let n = 0; n < 10; n++) expect(ramp.share).toBe(1);
    expect(asked).toBe(before);
  });
});

describe("slow start", () => {
  const slowStart: SlowStart = { ms: 10_000 };

  test("grows the share of a new endpoint to its full value", async () => {
    const { set, clock, spread } = balancing(["a", "b"], { slowStart, strategy: strategy() });
    set("a", "b", "c");
    const shares: number[] = [];
    for (let second = 0; second <= 10; second += 5) {
      shares.push(reached(spread(3_000), "c"));
      await clock.advance(5_000);
    }
    expect(shares[0]).toBeGreaterThan(60);
    expect(shares[0]).toBeLessThan(160);
    expect(shares[1]).toBeGreaterThan(500);
    expect(shares[1]).toBeLessThan(700);
    expect(shares[2]).toBe(1_000);
  });

  test("does not apply to initial endpoints", () => {
    const { spread, stateOf } = balancing(["a", "b"], { slowStart, strategy: strategy() });
    expect(spread(100)).toBe("a50 b50");
    expect(stateOf("a")).not.toHaveProperty("share");
  });

  test("does not apply to endpoints added when there are none", () => {
    const { set, stateOf } = balancing([], { slowStart });
    set("a", "b");
    expect(stateOf("a")).not.toHaveProperty("share");
    set("a", "b", "c");
    expect(stateOf("c")).toMatchObject({ share: 0.1 });
  });

  test("does not apply to one that stays while others are added and removed", () => {
    const { set, stateOf } = balancing(["a", "b"], { slowStart });
    set({ key: "a", weight: 3 }, "c");
    expect(stateOf("a")).not.toHaveProperty("share");
    expect(stateOf("c")).toMatchObject({ share: 0.1 });
  });

  test("restarts for an endpoint that returns or recovers", async () => {
    const operator = new Operator();
    const { set, clock, spread, stateOf } = balancing(["a", "b", "c"], {
      slowStart,
      strategy: strategy(),
      health: [operator],
    });
    operator.say("c", false);
    await clock.advance(60_000);
    operator.say("c", true);
    expect(stateOf("c")).toMatchObject({ share: 0.1 });
    expect(reached(spread(3_000), "c")).toBeLessThan(160);
    await clock.advance(10_000);
    expect(spread(300)).toBe("a100 b100 c100");
    set("a", "b");
    set("a", "b", "c");
    expect(reached(spread(3_000), "c")).toBeLessThan(160);
  });

  test("gives all calls to a new endpoint if no other is ready", () => {
    const { set, spread, mock } = balancing(["a"], { slowStart, strategy: strategy() });
    set("a", "b");
    mock("a").admit(0);
    expect(spread(20)).toBe("b20");
  });

  test("keeps leastRequest from flooding a new endpoint", () => {
    const make = (options: { readonly slowStart?: SlowStart }) =>
      balancing(["a", "b", "c", "d"], { ...options, strategy: leastRequest({ random: seededRandom(2) }) });
    const [flooded, spared] = [make({}), make({ slowStart })];
    for (const { spread, set } of [flooded, spared]) {
      spread(400);
      set("a", "b", "c", "d", "new");
    }
    expect(reached(flooded.spread(100), "new")).toBeGreaterThan(25);
    expect(reached(spared.spread(100), "new")).toBeLessThan(10);
  });

  test("is described", () => {
    expect(balancing(["a"], { slowStart }).balanced.describe().options).toMatchObject({
      slowStartMs: 10_000,
    });
    expect(balancing(["a"]).balanced.describe().options).not.toHaveProperty("slowStartMs");
  });

  test.each([
    [{ ms: 0 }, "slowStart.ms must be a number above 0 (got 0)"],
    [{ ms: Infinity }, "slowStart.ms must be a number above 0 (got Infinity)"],
    [{ ms: Number.NaN }, "slowStart.ms must be a number above 0 (got NaN)"],
    [{ ms: 1, least: 0 }, "slowStart.least must be a number above 0 and at most 1 (got 0)"],
    [{ ms: 1, least: 1.5 }, "slowStart.least must be a number above 0 and at most 1 (got 1.5)"],
  ])("rejects %o", (wrong, why) => {
    const { discovery } = fakeDiscovery(["a"]);
    expect(() =>
      balance({ discovery, connect: () => mockService<string, string>().service, slowStart: wrong }),
    ).toThrow(new RangeError(`balance: ${why}`));
  });
});
