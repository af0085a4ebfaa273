import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aimd,
  gradient2,
  type Limit,
  type LimitAlgorithm,
  type Sample,
  vegas,
} from "@pagoda/concurrency-limit";

const start = (algorithm: LimitAlgorithm, random = () => 0.5): Limit => algorithm.begin(random);
const full = (limit: Limit, rttMs: number | undefined, dropped = false): Sample => ({
  rttMs,
  inFlight: limit.current,
  dropped,
});

/** Updates a fully used limit with the samples of a server of this capacity. */
function saturate(limit: Limit, { capacity = 50, serviceMs = 10, windows = 1 }): void {
  for (let window = 0; window < windows; window++)
    limit.update(full(limit, serviceMs * Math.max(1, limit.current / capacity)));
}

const server = { capacity: fc.integer({ min: 10, max: 150 }), serviceMs: fc.integer({ min: 1, max: 5_000 }) };

describe("gradient2", () => {
  test("settles at the capacity plus queue, for any server", () => {
    fc.assert(
      fc.property(
        server.capacity,
        server.serviceMs,
        fc.integer({ min: 1, max: 8 }),
        (capacity, serviceMs, queue) => {
          const limit = start(gradient2({ initial: 8, min: 1, queue, longWindow: 1_000_000 }));
          // The average latency is known before the server is saturated.
          for (let window = 0; window < 10; window++)
            limit.update({ rttMs: serviceMs, inFlight: 1, dropped: false });
          saturate(limit, { capacity, serviceMs, windows: 1_500 });
          expect(Math.abs(limit.current - (capacity + queue))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("drifts by 2·queue/longWindow per window under constant saturation", () => {
    const limit = start(gradient2());
    saturate(limit, { windows: 100 });
    const before = limit.current;
    saturate(limit, { windows: 3_000 });
    expect(limit.current - before).toBeGreaterThan(((2 * 4) / 600) * 3_000 - 2);
    expect(limit.current - before).toBeLessThan(((2 * 4) / 600) * 3_000 + 2);
  });

  test("shrinks by half at most, smoothed", () => {
    const limit = start(gradient2({ initial: 100 }));
    for (let window = 0; window < 20; window++) limit.update({ rttMs: 10, inFlight: 1, dropped: false });
    limit.update(full(limit, 10_000));
    // 100 · 0.8 + 0.2 · (100 · 0.5 + 4)
    expect(limit.current).toBe(90);
    limit.update(full(limit, 1));
    // 90.8 · 0.8 + 0.2 · (90.8 + 4)
    expect(limit.current).toBe(91);
  });

  test("does not change while less than half is used, but shrinks for drops", () => {
    const limit = start(gradient2({ initial: 100 }));
    for (let window = 0; window < 20; window++) limit.update({ rttMs: 10, inFlight: 49, dropped: false });
    expect(limit.current).toBe(100);
    limit.update({ rttMs: 10, inFlight: 49, dropped: true });
    expect(limit.current).toBe(90);
    limit.update({ rttMs: undefined, inFlight: 49, dropped: true });
    expect(limit.current).toBe(82);
  });

  test("averages the latency, and forgets a high one faster", () => {
    const limit = start(gradient2());
    expect(limit.rttMs).toBeUndefined();
    for (let window = 0; window < 10; window++)
      limit.update({ rttMs: window < 5 ? 90 : 110, inFlight: 1, dropped: false });
    expect(limit.rttMs).toBeCloseTo(100);
    limit.update({ rttMs: 110, inFlight: 1, dropped: false });
    expect(limit.rttMs).toBeCloseTo(100 + 20 / 601);
    limit.update({ rttMs: 10, inFlight: 1, dropped: false });
    expect(limit.rttMs).toBeLessThan(0.91 * 100);
  });

  test.each([
    [{ min: 0 }, "concurrency-limit: min must be an integer of at least 1 (got 0)"],
    [{ max: 10 }, "concurrency-limit: max must be an integer of at least min (20) (got 10)"],
    [{ initial: 19 }, "concurrency-limit: initial must be an integer from min (20) to max (200) (got 19)"],
    [{ smoothing: 0 }, "concurrency-limit: smoothing must be a number above 0 and at most 1 (got 0)"],
    [{ smoothing: 1.1 }, "concurrency-limit: smoothing must be a number above 0 and at most 1 (got 1.1)"],
    [{ queue: 0 }, "concurrency-limit: queue must be a number from 1 to max (200) (got 0)"],
    [{ longWindow: 9 }, "concurrency-limit: longWindow must be an integer of at least 10 (got 9)"],
    [{ windowMs: 0 }, "concurrency-limit: windowMs must be a number from 1 to 3600000 (got 0)"],
  ])("rejects %j", (options, message) => {
    expect(() => gradient2(options)).toThrow(message);
    expect(() => gradient2(options)).toThrow(RangeError);
  });
});

describe("vegas", () => {
  test.each([
    { from: 10, to: 89, least: 2, most: 6 },
    { from: 100, to: 150, least: 5, most: 12 },
  ])("settles between its marks above a capacity from $from to $to", ({ from, to, least, most }) => {
    fc.assert(
      fc.property(fc.integer({ min: from, max: to }), server.serviceMs, (capacity, serviceMs) => {
        const limit = start(vegas({ initial: 5, probeMultiplier: 1e6 }));
        saturate(limit, { capacity, serviceMs, windows: 300 });
        // The queue is rounded up, so two calls plus a floating-point error count as three.
        expect(limit.current - capacity).toBeGreaterThanOrEqual(least);
        expect(limit.current - capacity).toBeLessThanOrEqual(most);
      }),
    );
  });

  test.each([
    ["no queue", 10, 106 + 6],
    ["a queue below 3·log₁₀", 10.35, 102],
    ["a queue between the marks", 10.8, 100],
    ["a queue above 6·log₁₀", 20, 98],
  ])("%s", (_what, rttMs, expected) => {
    const limit = start(vegas({ initial: 100 }));
    limit.update(full(limit, 10));
    expect(limit.current).toBe(100);
    limit.update(full(limit, rttMs));
    expect(limit.current).toBe(expected);
  });

  test("shrinks for drops in any case, and does not grow while less than half is used", () => {
    const limit = start(vegas({ initial: 100 }));
    limit.update({ rttMs: undefined, inFlight: 1, dropped: true });
    expect(limit.current).toBe(98);
    limit.update({ rttMs: 10, inFlight: 1, dropped: false });
    limit.update({ rttMs: 10, inFlight: 48, dropped: false });
    expect(limit.current).toBe(98);
  });

  test("recovers from the minimum limit", () => {
    const limit = start(vegas());
    for (let window = 0; window < 100; window++) limit.update(full(limit, 10, true));
    expect(limit.current).toBe(1);
    saturate(limit, { windows: 30 });
    expect(limit.current).toBeGreaterThan(50);
  });

  test.each([
    [0, 10],
    [0.999, 20],
  ])("measures the latency anew after a random time (%d)", (chance, expected) => {
    const limit = start(vegas({ initial: 20, probeMultiplier: 1 }), () => chance);
    const idle: Sample = { rttMs: 5, inFlight: 1, dropped: false };
    let windows = 1;
    limit.update({ ...idle, rttMs: 1 });
    while (limit.rttMs === 1) {
      limit.update(idle);
      windows++;
    }
    expect(windows).toBe(expected);
    expect(limit.rttMs).toBe(5);
  });

  test.each([
    [{ initial: 0 }, "concurrency-limit: initial must be an integer from min (1) to max (1000) (got 0)"],
    [{ max: 0 }, "concurrency-limit: max must be an integer of at least min (1) (got 0)"],
    [{ probeMultiplier: 0 }, "concurrency-limit: probeMultiplier must be a number of at least 1 (got 0)"],
    [{ windowMs: NaN }, "concurrency-limit: windowMs must be a number from 1 to 3600000 (got NaN)"],
  ])("rejects %j", (options, message) => {
    expect(() => vegas(options)).toThrow(message);
  });
});

describe("aimd", () => {
  test("adds one, and removes a tenth but at least one", () => {
    const limit = start(aimd({ initial: 30 }));
    limit.update(full(limit, 1));
    expect(limit.current).toBe(31);
    limit.update(full(limit, 1, true));
    expect(limit.current).toBe(27);
    const small = start(aimd({ initial: 2 }));
    small.update(full(small, 1, true));
    expect(small.current).toBe(1);
    small.update(full(small, 1, true));
    expect(small.current).toBe(1);
  });

  test("grows only while half of it is used, up to max", () => {
    const limit = start(aimd({ initial: 10, max: 11 }));
    limit.update({ rttMs: 1, inFlight: 4, dropped: false });
    expect(limit.current).toBe(10);
    for (let window = 0; window < 3; window++)
      limit.update({ rttMs: undefined, inFlight: 6, dropped: false });
    expect(limit.current).toBe(11);
  });

  test.each([
    [{ backoff: 0.4 }, "concurrency-limit: backoff must be a number from 0.5 to 0.99 (got 0.4)"],
    [{ backoff: 1 }, "concurrency-limit: backoff must be a number from 0.5 to 0.99 (got 1)"],
    [{ slowAfterMs: 0 }, "concurrency-limit: slowAfterMs must be a number of at least 1 (got 0)"],
    [{ windowMs: Infinity }, "concurrency-limit: windowMs must be a number from 1 to 3600000 (got Infinity)"],
    [{ initial: 201 }, "concurrency-limit: initial must be an integer from min (1) to max (200) (got 201)"],
  ])("rejects %j", (options, message) => {
    expect(() => aimd(options)).toThrow(message);
  });
});

test.each([
  ["gradient2", gradient2()],
  ["vegas", vegas()],
  ["aimd", aimd()],
])("property: %s stays an integer within its bounds for any samples", (_name, algorithm) => {
  const sample = fc.record({
    rttMs: fc.option(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { nil: undefined }),
    inFlight: fc.nat(1_100),
    dropped: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 200 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (samples, chance) => {
        const limit = start(algorithm, () => chance);
        for (const each of samples) {
          limit.update(each);
          expect(Number.isInteger(limit.current)).toBe(true);
          expect(limit.current).toBeGreaterThanOrEqual(algorithm.options["min"] as number);
          expect(limit.current).toBeLessThanOrEqual(algorithm.options["max"] as number);
        }
      },
    ),
  );
});
