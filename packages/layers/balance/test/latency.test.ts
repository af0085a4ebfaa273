import type { Outcome } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Latency } from "../src/latency.ts";

const success: Outcome = { kind: "success", retryable: false };
const failure: Outcome = { kind: "failure", retryable: true };
const neutral: Outcome = { kind: "neutral", retryable: true };

/** A latency with its own clock. */
class Probe {
  readonly latency = new Latency(10_000, 30, 0);
  now = 0;

  /** Makes a single call that takes `ms`. */
  call(ms: number, outcome: Outcome = success, wasAborted = false): this {
    this.latency.started(0, this.now);
    this.now += ms;
    this.latency.ended(outcome, ms, this.now, wasAborted);
    return this;
  }

  get estimate(): unknown {
    return this.latency.state()["estimateMs"];
  }

  cost(pending = 0): number {
    return this.latency.cost(pending, this.now);
  }
}

describe("the estimate", () => {
  test("is initialMs until a call ends, and then that call's latency", () => {
    expect(new Probe().estimate).toBe(30);
    expect(new Probe().call(5).estimate).toBe(5);
    expect(new Probe().call(50).estimate).toBe(50);
  });

  test("a slower call replaces it", () => {
    expect(new Probe().call(10).call(2_000).estimate).toBe(2_000);
  });

  test("a faster call counts more the longer ago the last sample was", () => {
    const probe = new Probe().call(1_000);
    probe.now += 4_900;
    const kept = Math.exp(-0.5);
    expect(probe.call(100).estimate).toBeCloseTo(1_000 * kept + 100 * (1 - kept), 9);
  });

  test("a failure counts as the longest of 5 s, Retry-After up to 300 s, the estimate, and its duration", () => {
    expect(new Probe().call(10).call(1, failure).estimate).toBe(5_000);
    expect(new Probe().call(1, { ...failure, retryAfterMs: 60_000 }).estimate).toBe(60_000);
    expect(new Probe().call(1, { ...failure, retryAfterMs: 1e9 }).estimate).toBe(300_000);
    expect(new Probe().call(7_000).call(1, failure).estimate).toBe(7_000);
    expect(new Probe().call(10).call(9_000, failure).estimate).toBe(9_000);
  });

  test("a limited result does not lower it, and raises it to its Retry-After", () => {
    const limited: Outcome = { kind: "limited", retryable: true };
    expect(new Probe().call(100).call(1, limited).estimate).toBe(100);
    expect(new Probe().call(1, limited).estimate).toBe(30);
    expect(new Probe().call(100).call(1, { ...limited, retryAfterMs: 2_000 }).estimate).toBe(2_000);
  });

  test("an aborted call can only raise it", () => {
    for (const outcome of [neutral, success, failure]) {
      expect(new Probe().call(100).call(40, outcome, true).estimate).toBe(100);
      expect(new Probe().call(100).call(400, outcome, true).estimate).toBe(400);
    }
  });

  test("a local refusal does not count", () => {
    expect(new Probe().call(100).call(900, neutral).estimate).toBe(100);
    expect(new Probe().call(900, neutral).call(5).estimate).toBe(5);
  });
});

describe("the cost of one more call", () => {
  test("is the estimate times the calls that would be pending", () => {
    const probe = new Probe().call(20);
    expect(probe.cost()).toBe(20);
    probe.latency.started(0, probe.now);
    probe.latency.started(1, probe.now);
    expect(probe.cost(2)).toBe(60);
  });

  test("decays without news, so that a slow endpoint is tried again", () => {
    const probe = new Probe().call(2_000);
    probe.now += 10_000;
    expect(probe.cost()).toBeCloseTo(2_000 / Math.E, 9);
    probe.now += 50_000;
    expect(probe.cost()).toBeLessThan(5);
    expect(probe.estimate).toBe(2_000);
  });

  test.each([
    [300, 10, 34_012],
    [2_000, 167, 24_830],
    [5_000, 50, 46_052],
  ])(
    "of %d ms decays to that of endpoints with %d ms in %d ms, as in Finagle",
    (slowMs, otherMs, afterMs) => {
      const slow = new Probe().call(slowMs);
      const endedMs = slow.now;
      while (slow.cost() >= otherMs) slow.now++;
      expect(slow.now - endedMs).toBe(afterMs);
      expect(afterMs).toBe(Math.ceil(10_000 * Math.log(slowMs / otherMs)));
    },
  );

  test("decays smoothly", () => {
    const probe = new Probe().call(100);
    for (let last = probe.cost(); probe.now < 300; last = probe.cost()) {
      probe.now += 1;
      expect(probe.cost()).toBeLessThan(last);
      expect(probe.cost() / last).toBeCloseTo(Math.exp(-0.0001), 6);
    }
  });

  test("is restored as soon as the endpoint is tried again, by a single call", () => {
    const probe = new Probe().call(2_000);
    probe.now += 60_000;
    expect(probe.cost()).toBeLessThan(5);
    probe.latency.started(0, probe.now);
    expect(probe.cost(1)).toBe(4_000);
  });

  test("grows while no pending call ends", () => {
    const probe = new Probe().call(10);
    probe.latency.started(0, probe.now);
    probe.now += 5;
    probe.latency.started(1, probe.now);
    probe.now += 995;
    expect(probe.cost(2)).toBeCloseTo(1_000 * Math.exp(-0.0995) * 3, 6);
    probe.latency.ended(success, 1_000, probe.now, false);
    // The other call is still pending, but it is not known since when.
    expect(probe.cost(1)).toBe(2_000);
    probe.now += 500;
    expect(probe.cost(1)).toBeCloseTo(1_000 * Math.exp(-0.05) * 2, 6);
  });

  test("does not grow while idle", () => {
    const probe = new Probe().call(10);
    probe.now += 9_000;
    expect(probe.cost()).toBeLessThan(10);
    probe.latency.started(0, probe.now);
    expect(probe.cost(1)).toBe(20);
  });

  test("lets a hanging endpoint be tried again repeatedly", () => {
    const probe = new Probe().call(10);
    const tries: number[] = [];
    for (let pending = 0; probe.now < 3_600_000; probe.now += 10) {
      // Others cost 20.
      if (probe.cost(pending) >= 20) continue;
      probe.latency.started(pending++, probe.now);
      tries.push(probe.now);
    }
    expect(tries.length).toBeGreaterThan(20);
    expect(tries.length).toBeLessThan(60);
    expect(tries.at(-1)).toBeGreaterThan(3_400_000);
  });

  test("property: is a number of at least 0", () => {
    const step = fc.record({
      do: fc.constantFrom("start", "end", "wait"),
      ms: fc.double({ min: 0, max: 1e7, noNaN: true }),
      kind: fc.constantFrom("success" as const, "failure" as const, "limited" as const, "neutral" as const),
      wasAborted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const latency = new Latency(10_000, 30, 0);
        let now = 0;
        let pending = 0;
        for (const { do: what, ms, kind, wasAborted } of steps) {
          if (what === "wait") now += ms;
          else if (what === "start") latency.started(pending++, now);
          else if (pending > 0) {
            pending--;
            latency.ended({ kind, retryable: true }, Math.min(ms, now), now, wasAborted);
          }
          expect(latency.cost(pending, now)).toBeGreaterThanOrEqual(0);
          expect(latency.cost(pending, now)).toBeLessThan(Infinity);
        }
      }),
    );
  });
});
