import { isLeft, left } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "@pagoda/rate-limit";
import { bench } from "./bench.ts";

interface Limit {
  readonly intervalMs: number;
  readonly burst: number;
}

const limit: fc.Arbitrary<Limit> = fc.record({
  intervalMs: fc.constantFrom(1, 2, 3, 7, 10, 25, 40, 100, 1_000),
  burst: fc.integer({ min: 1, max: 6 }),
});
const call = fc.record({ pauseMs: fc.integer({ min: 0, max: 60 }), key: fc.constantFrom("a", "b", "c") });

const rate = ({ intervalMs, burst }: Limit) => ({ perSecond: 1_000 / intervalMs, burst });
const store = (global: Limit | undefined, keyed: Limit | undefined) =>
  memoryStore()({ global: global && rate(global), keyed: keyed && rate(keyed) });

/** Whether one more call now keeps every span ending now within rate times span plus burst. In integers. */
function keeps({ intervalMs, burst }: Limit, admitted: readonly number[], now: number): boolean {
  return [...admitted, now].every(
    (from, at) => (admitted.length + 1 - at) * intervalMs <= now - from + burst * intervalMs,
  );
}

describe("admission", () => {
  test("admits exactly what keeps every span within rate times span plus burst, per key and globally", () => {
    fc.assert(
      fc.property(limit, limit, fc.array(call, { maxLength: 120 }), (global, keyed, calls) => {
        const limits = store(global, keyed);
        const all: number[] = [];
        const each = new Map<string, number[]>();
        let now = 0;
        for (const { pauseMs, key } of calls) {
          now += pauseMs;
          const own = each.get(key) ?? [];
          each.set(key, own);
          const expected = keeps(global, all, now) && keeps(keyed, own, now);
          expect(limits.take(key, now) === undefined).toBe(expected);
          if (!expected) continue;
          all.push(now);
          own.push(now);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("keeps every span within its bound for inexact rates and times", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1_000_000, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 1e10, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 1, maxLength: 100 }),
        (perSecond, burst, start, pauses) => {
          const limits = memoryStore()({ global: { perSecond, burst }, keyed: undefined });
          const admitted: number[] = [];
          let now = start;
          for (const pause of pauses) {
            now += (pause * 1_000) / perSecond;
            if (limits.take(undefined, now) === undefined) admitted.push(now);
          }
          // Rounding of clock readings, in calls.
          const rounding = 1e-6 + (start + 1) * 2 ** -50 * (perSecond / 1_000);
          admitted.forEach((to, last) => {
            for (let first = 0; first <= last; first++) {
              const span = to - (admitted[first] as number);
              expect(last - first + 1).toBeLessThanOrEqual((span * perSecond) / 1_000 + burst + rounding);
            }
          });
        },
      ),
    );
  });

  test.each([1e-9, 0.001, 1e10])(
    "does not drift in a million calls from %d ms on, at a million per second",
    (start) => {
      const limits = memoryStore()({ global: { perSecond: 1_000_000, burst: 10 }, keyed: undefined });
      let admitted = 0;
      // Twice as many calls as the rate allows.
      for (let n = 0; n <= 2_000_000; n++)
        if (limits.take(undefined, start + n / 2_000) === undefined) admitted++;
      expect(admitted).toBe(1_000_010);
    },
  );
});

describe("retryAfterMs", () => {
  test("is exact: a call then is admitted, a microsecond earlier it is not", () => {
    const rates = fc.double({ min: 0.001, max: 1_000_000, noNaN: true });
    const start = fc.double({ min: 0, max: 1e10, noNaN: true });
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 1, max: 50 }),
        start,
        fc.boolean(),
        (perSecond, burst, from, early) => {
          fc.pre(perSecond < 500_000);
          const limits = memoryStore()({ global: { perSecond, burst }, keyed: undefined });
          for (let n = 0; n < burst; n++) expect(limits.take(undefined, from)).toBeUndefined();
          const refusal = limits.take(undefined, from);
          const waitMs = refusal?.retryAfterMs ?? NaN;
          expect(waitMs).toBeCloseTo(1_000 / perSecond, 4);
          expect(limits.globalWaitMs(from)).toBe(waitMs);
          const then = from + waitMs;
          expect(limits.take(undefined, early ? then - 0.001 : then) === undefined).toBe(!early);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("is the wait until both limits admit", () => {
    fc.assert(
      fc.property(limit, limit, fc.array(call, { minLength: 1, maxLength: 60 }), (global, keyed, calls) => {
        const limits = store(global, keyed);
        let now = 0;
        for (const { pauseMs, key } of calls) {
          now += pauseMs;
          const refusal = limits.take(key, now);
          if (refusal === undefined) continue;
          now += refusal.retryAfterMs;
          expect(limits.take(key, now - 0.001)).toMatchObject({ limit: refusal.limit });
          expect(limits.take(key, now)).toBeUndefined();
        }
      }),
    );
  });

  test("is part of the fault", async () => {
    const { clock, layered, admits } = bench({ global: { perSecond: 3, burst: 1 } });
    await admits();
    await clock.advance(100);
    const result = await layered.call("a");
    expect(result).toMatchObject(left({ _tag: "RateLimited" }));
    await clock.advance(
      isLeft(result) && "retryAfterMs" in result.left ? (result.left.retryAfterMs ?? 0) : 0,
    );
    expect(await admits()).toBe(true);
  });
});
