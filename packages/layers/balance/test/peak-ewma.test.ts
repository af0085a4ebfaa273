import { type Either, type Fault, left, right, service, staticEndpoints } from "@pagoda/core";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { balance, peakEwma, type PeakEwmaOptions } from "@pagoda/balance";
import { balancing } from "./balancing.ts";
import { crowdOf } from "./crowd.ts";

const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };

/** Behaviour of an endpoint: milliseconds until the response, no response, or immediate failure. */
type Doing = number | "hangs" | "fails";

interface Traffic {
  readonly seconds: number;
  readonly perSecond: number;
  readonly weights?: readonly number[];
}

/**
 * Runs eleven endpoints that respond within 5 to 15 ms, except the first, whose behaviour varies
 * over time. Returns the calls that the first one got in each second.
 */
async function callsOfFirst(
  doing: (second: number) => Doing,
  { seconds, perSecond, weights = Array.from({ length: 11 }, () => 1) }: Traffic,
): Promise<number[]> {
  const clock = virtualClock();
  const random = seededRandom(11);
  const calls = Array.from({ length: seconds }, () => 0);
  const balanced = balance({
    clock,
    strategy: peakEwma({ random }),
    discovery: staticEndpoints(weights.map((weight, n) => ({ key: String(n), weight }))),
    connect: ({ key }) =>
      service(key, (_request: string) => {
        const { promise, resolve } = Promise.withResolvers<Either<typeof down, string>>();
        const second = Math.floor(clock.now() / 1_000);
        const does = key === "0" ? doing(second) : 5 + 10 * random();
        if (key === "0") calls[second]!++;
        if (does === "fails") resolve(left(down));
        else if (does !== "hangs") clock.setTimer(does, () => resolve(right(key)));
        return promise;
      }),
  });
  for (let call = 0; call < seconds * perSecond; call++) {
    clock.setTimer((call * 1_000) / perSecond, () => void balanced.call("request"));
  }
  await clock.runAll();
  return calls;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

describe("peakEwma", () => {
  test("avoids a slow endpoint after a few calls, and notices its recovery", async () => {
    const calls = await callsOfFirst((second) => (second >= 5 && second < 35 ? 2_000 : 10), {
      seconds: 100,
      perSecond: 200,
    });
    expect(sum(calls.slice(0, 5))).toBeGreaterThan(50);
    expect(sum(calls.slice(5, 35))).toBeLessThanOrEqual(4);
    expect(sum(calls.slice(70))).toBeGreaterThan(300);
  });

  test("sends only single calls to a hanging endpoint", async () => {
    const calls = await callsOfFirst((second) => (second >= 5 ? "hangs" : 10), {
      seconds: 200,
      perSecond: 100,
    });
    expect(sum(calls.slice(5))).toBeGreaterThanOrEqual(3);
    expect(sum(calls.slice(5))).toBeLessThanOrEqual(8);
  });

  test("an endpoint that fails fast does not attract calls", async () => {
    const calls = await callsOfFirst((second) => (second >= 5 && second < 35 ? "fails" : 10), {
      seconds: 110,
      perSecond: 100,
    });
    expect(sum(calls.slice(5, 35))).toBeLessThanOrEqual(2);
    expect(sum(calls.slice(80))).toBeGreaterThan(150);
  });

  test("follows weights if endpoints are alike", async () => {
    const calls = await callsOfFirst(() => 10, { seconds: 20, perSecond: 200, weights: [1, 9, 10] });
    expect(sum(calls) / 4_000).toBeLessThan(0.09);
    expect(sum(calls) / 4_000).toBeGreaterThan(0.01);
  });

  test("assumes initialMs for a new endpoint", async () => {
    const { balanced, mock, clock, set, stateOf } = balancing(["a"], {
      strategy: peakEwma({ initialMs: 50, random: seededRandom(1) }),
    });
    const result = balanced.call("1");
    await clock.advance(8);
    (await mock("a").next()).answer("done");
    expect(await result).toEqual(right("done"));
    set("a", "new");
    expect(stateOf("a")).toMatchObject({ estimateMs: 8 });
    expect(stateOf("new")).toMatchObject({ estimateMs: 50 });
    // Its cost decays from the time it was added.
    const requests = ["1", "2", "3"].map((request) => balanced.call(request));
    expect([mock("a").calls.length - 1, mock("new").calls.length]).toEqual([3, 0]);
    expect(requests.length).toBe(3);
  });

  test("counts an aborted call with the time it took", async () => {
    const { balanced, mock, clock, stateOf } = balancing(["a"], { strategy: peakEwma() });
    const controller = new AbortController();
    const result = balanced.call("1", controller.signal);
    await mock("a").next();
    await clock.advance(700);
    controller.abort();
    await result;
    expect(stateOf("a")).toMatchObject({ estimateMs: 700 });
  });

  test("keeps the measurements of an endpoint that stays", async () => {
    const { balanced, mock, clock, set, stateOf } = balancing(["a"], { strategy: peakEwma() });
    const result = balanced.call("1");
    await clock.advance(70);
    (await mock("a").next()).answer("done");
    await result;
    set("b", "a");
    expect(stateOf("a")).toMatchObject({ estimateMs: 70 });
    set("b");
    set("a", "b");
    expect(stateOf("a")).toMatchObject({ estimateMs: 30 });
  });

  test("uses pending calls without a balancer that measures", () => {
    const strategy = peakEwma({ random: seededRandom(2) });
    strategy.update(crowdOf(2, (n) => ({ pending: n })));
    for (let pick = 0; pick < 20; pick++) expect(strategy.pick(undefined, pick)).toBe(0);
  });

  test("describes its options", () => {
    expect(
      balancing(["a"], { strategy: peakEwma({ decayMs: 5_000 }) }).balanced.describe().options,
    ).toMatchObject({
      strategy: "peak-ewma",
      decayMs: 5_000,
      initialMs: 30,
    });
  });

  test.each<[PeakEwmaOptions, string]>([
    [{ decayMs: 0 }, "decayMs must be a number above 0 (got 0)"],
    [{ decayMs: Infinity }, "decayMs must be a number above 0 (got Infinity)"],
    [{ initialMs: -1 }, "initialMs must be a number above 0 (got -1)"],
    [{ initialMs: Number.NaN }, "initialMs must be a number above 0 (got NaN)"],
  ])("rejects %o", (options, why) => {
    expect(() => peakEwma(options)).toThrow(new RangeError(`balance: ${why}`));
  });
});
