import type { Endpoint, HealthSource } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type HealthCheck,
  healthCheck,
  httpProbe,
  type Probe,
  tcpProbe,
  probeInconclusive,
  probeSucceeded,
} from "@pagoda/health";
import { checking, ill } from "./checking.ts";

describe("thresholds", () => {
  test("an endpoint is unhealthy until its first success", async () => {
    const { watch, results, runs, events } = checking();
    const a = watch("a");
    expect([a.healthy, runs.length]).toEqual([false, 1]);
    expect(await results(a, true)).toBe("+");
    expect(events).toEqual(["a passed 0", "a well", "a changed"]);
  });

  test("one success is enough after failures if there was none before", async () => {
    const { watch, results } = checking();
    expect(await results(watch("a"), false, false, false, false, true)).toBe("----+");
  });

  test("three consecutive failures make unhealthy, two consecutive successes healthy", async () => {
    const { watch, results, events } = checking();
    expect(
      await results(watch("a"), true, false, false, true, false, false, false, true, false, true, true),
    ).toBe("++++++----+");
    expect(events.filter((each) => each === "a changed")).toHaveLength(3);
    expect(events).toContain("a ill: down");
  });

  test("an endpoint that was never healthy is reported once, at its first failure", async () => {
    const { watch, results, events } = checking();
    await results(watch("a"), false, false, false, false, true, false);
    const news = events.filter((each) => !/passed|failed/.test(each));
    expect(news).toEqual(["a ill: down", "a well", "a changed"]);
  });

  test("are configurable", async () => {
    const { watch, results } = checking({ healthyThreshold: 3, unhealthyThreshold: 1 });
    expect(await results(watch("a"), true, false, true, true, true)).toBe("+---+");
  });

  test("an initially healthy endpoint stays healthy until the failure threshold", async () => {
    const { watch, results } = checking({ initiallyHealthy: true });
    const a = watch("a");
    expect(a.healthy).toBe(true);
    expect(await results(a, false, false, false, true)).toBe("++-+");
  });

  test("a check refused locally counts neither way", async () => {
    const { watch, results, runs, clock, events } = checking();
    const a = watch("a");
    await results(a, true, false, false);
    for (let n = 0; n < 5; n++) {
      runs.at(-1)?.settle(probeInconclusive("PoolExhausted"));
      await clock.advance(10_000);
    }
    expect(a.state()).toMatchObject({ healthy: true, consecutiveFailures: 2, reason: "PoolExhausted" });
    expect(events.at(-1)).toBe("a failed: PoolExhausted 0");
    expect(await results(a, false)).toBe("-");
  });

  test("endpoints are tracked separately", async () => {
    const { watch, runs, source } = checking();
    const [a, b] = [watch("a"), watch("b")];
    runs[1]?.settle(probeSucceeded);
    await settled();
    expect([a.healthy, b.healthy]).toEqual([false, true]);
    expect(source.describe().state).toEqual({ endpoints: 2, healthy: 1 });
  });
});

describe("description", () => {
  test("shows the last reason and duration per endpoint", async () => {
    const { watch, runs, clock } = checking();
    const a = watch("a");
    const fresh = { healthy: false, consecutiveSuccesses: 0, consecutiveFailures: 0 };
    expect(a.state()).toEqual({ ...fresh, reason: null, lastCheckMs: null });
    await clock.advance(20);
    runs[0]?.settle(ill);
    await settled();
    expect(a.state()).toEqual({ ...fresh, consecutiveFailures: 1, reason: "down", lastCheckMs: 20 });
    await clock.advance(10_000);
    runs[1]?.settle(probeSucceeded);
    await settled();
    expect(a.state()).toEqual({
      healthy: true,
      consecutiveSuccesses: 1,
      consecutiveFailures: 0,
      reason: null,
      lastCheckMs: 0,
    });
  });

  test("shows options with defaults", () => {
    expect(healthCheck({ probe: async () => probeSucceeded }).describe()).toEqual({
      name: "health-check",
      options: {
        intervalMs: 10_000,
        unhealthyIntervalMs: 10_000,
        timeoutMs: 1_000,
        healthyThreshold: 2,
        unhealthyThreshold: 3,
        jitterRatio: 0.1,
        initiallyHealthy: false,
      },
      state: { endpoints: 0, healthy: 0 },
    });
  });
});

describe("invalid options", () => {
  const most = 2_147_483_647;
  test.each([
    [{ intervalMs: 0 }, `healthCheck: intervalMs must be a number above 0 and at most ${most} (got 0)`],
    [
      { unhealthyIntervalMs: -1 },
      "healthCheck: unhealthyIntervalMs must be a number above 0 and at most 2147483647 (got -1)",
    ],
    [{ timeoutMs: NaN }, "healthCheck: timeoutMs must be a number above 0 and at most 2147483647 (got NaN)"],
    [{ healthyThreshold: 0 }, "healthCheck: healthyThreshold must be an integer of at least 1 (got 0)"],
    [
      { unhealthyThreshold: 0.5 },
      "healthCheck: unhealthyThreshold must be an integer of at least 1 (got 0.5)",
    ],
    [{ jitterRatio: 2 }, "healthCheck: jitterRatio must be a number from 0 to 1 (got 2)"],
  ])("are refused: %o", (options, message) => {
    expect(() => healthCheck({ probe: async () => probeSucceeded, ...options })).toThrow(RangeError);
    expect(() => healthCheck({ probe: async () => probeSucceeded, ...options })).toThrow(message);
  });
});

describe("types", () => {
  interface Zoned extends Endpoint {
    readonly zone: string;
  }

  test("a source accepts the endpoints its probe accepts", () => {
    const zoned = () =>
      healthCheck({ probe: async ({ zone }: Zoned) => (zone === "n" ? probeSucceeded : ill) });
    expectTypeOf(zoned).returns.toEqualTypeOf<HealthCheck<Zoned>>();
    expectTypeOf<HealthCheck>().toExtend<HealthSource<Zoned>>();
    // @ts-expect-error: this probe requires endpoints with a zone.
    const plain: () => HealthCheck = zoned;
    expectTypeOf(plain).toBeFunction();
    const tcp = () =>
      healthCheck({ probe: tcpProbe<Zoned>({ address: ({ zone }) => ({ host: zone, port: 1 }) }) });
    expectTypeOf(tcp).returns.toEqualTypeOf<HealthCheck<Zoned>>();
  });

  test("a probe returns an Either, httpProbe calls a service", () => {
    // @ts-expect-error: not a ProbeResult.
    const bare: Probe = async () => true;
    // @ts-expect-error: an endpoint is not a service.
    const uncalled = () => httpProbe({ call: (endpoint: Endpoint) => endpoint });
    expectTypeOf([bare, uncalled]).toBeArray();
  });
});
