import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limitsOf } from "../../src/server/client-limits.ts";
import { Pace } from "../../src/server/pace.ts";

const limits = { minRate: 240, graceMs: 5_000, idleMs: 60_000, totalMs: 0 };

/** Checks a client once a second; returns when and why it is too slow. */
function tooSlow(
  perSecond: (second: number) => number,
  change: Partial<typeof limits> = {},
  seconds = 1_000,
) {
  const pace = new Pace(7);
  let bytes = 7;
  for (let second = 0; second <= seconds; second++) {
    const why = pace.look(second * 1_000, true, bytes, { ...limits, ...change });
    if (why !== undefined) return `${second} s: ${why}`;
    bytes += perSecond(second);
  }
  return undefined;
}

describe("Pace", () => {
  test("a client below the rate is cut off after the grace period, one at the rate is not", () => {
    expect(tooSlow(() => 239)).toBe("5 s: was slower than 240 bytes per second");
    expect(tooSlow(() => 240)).toBeUndefined();
    expect(tooSlow(() => 1, { minRate: 0, idleMs: 0 })).toBeUndefined();
  });

  test("an earlier surplus counts until the client stalls", () => {
    const bursts = (second: number): number => (second % 30 === 0 ? 7_200 : 0);
    expect(tooSlow(bursts)).toBeUndefined();
    expect(tooSlow((second) => (second === 0 ? 1e9 : 0))).toBe("61 s: stalled for 60 s");
  });

  test("totalMs limits the whole transfer", () => {
    expect(tooSlow(() => 1e6, { totalMs: 30_000 })).toBe("30 s: took longer than 30 s");
  });

  test("time does not count while the server is not waiting for the client", () => {
    const pace = new Pace(0);
    for (let second = 0; second < 1_000; second++)
      expect(pace.look(second * 1_000, false, 0, limits)).toBeUndefined();
    // Nor does an interval at whose start or end the server was not waiting.
    for (let second = 1_000; second < 2_000; second++)
      expect(pace.look(second * 1_000, second % 2 === 0, 0, limits)).toBeUndefined();
  });

  test("time does not count while the process was suspended", () => {
    const pace = new Pace(0);
    expect(pace.look(0, true, 0, limits)).toBeUndefined();
    expect(pace.look(4_000, true, 0, limits)).toBeUndefined();
    // A gap counts as at most two seconds, be it four seconds or an hour.
    expect(pace.look(3_604_000, true, 0, limits)).toBeUndefined();
    expect(pace.look(3_605_000, true, 0, limits)).toBe("was slower than 240 bytes per second");
  });

  test("property: a client that keeps the rate every second is never too slow", () => {
    const checks = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 30_000 }), waits: fc.boolean() }));
    fc.assert(
      fc.property(checks, fc.integer({ min: 240, max: 1e6 }), (all, rate) => {
        const pace = new Pace(0);
        let now = 0;
        for (const { ms, waits } of all) {
          now += ms;
          expect(pace.look(now, waits, Math.ceil((now * rate) / 1_000), limits)).toBeUndefined();
        }
      }),
    );
  });
});

describe("client limits", () => {
  test("have individual defaults", () => {
    expect(limitsOf({ headMs: 10, body: { totalMs: 20 } })).toEqual({
      headMs: 10,
      quietMs: 300_000,
      idleMs: 3_600_000,
      body: { ...limits, totalMs: 20 },
      response: limits,
    });
  });

  test.each([
    [{ headMs: 0 }, "serve: limits.headMs must be a number of at least 1 (got 0)"],
    [{ body: { minRate: -1 } }, "serve: limits.body.minRate must be a number of at least 0 (got -1)"],
    [{ response: { idleMs: NaN } }, "serve: limits.response.idleMs must be a number of at least 0 (got NaN)"],
  ])("refuses %j", (given, message) => {
    expect(() => limitsOf(given)).toThrow(new RangeError(message));
  });
});
