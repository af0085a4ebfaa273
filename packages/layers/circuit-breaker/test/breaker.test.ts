import assert from "node:assert/strict";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Breaker, type BreakerOptions, consecutiveFailures, successRate } from "@pagoda/circuit-breaker";
import { Model, type ModelCall } from "./model.ts";

const kinds = ["success", "failure", "limited", "neutral"] as const;

describe("the state machine", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ call: fc.constant(true) }) },
    { weight: 4, arbitrary: fc.record({ end: fc.nat(4), as: fc.constantFrom(...kinds) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 150 }) }) },
  );
  const world = fc.record({
    failures: fc.integer({ min: 1, max: 3 }),
    probes: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(),
    steps: fc.array(step, { maxLength: 120, size: "max" }),
  });

  test("property: behaves like the model", async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ failures, probes, seed, steps }) => {
        const clock = virtualClock();
        const model = new Model(clock, failures, probes);
        const breaker = new Breaker({
          trip: consecutiveFailures(failures),
          openMs: 100,
          maxOpenMs: 400,
          probes,
          // Long enough that no probe is given up.
          probeMs: 2 ** 31 - 1,
          clock,
          random: seededRandom(seed),
          observer: {
            opened: ({ forMs }) => model.observed("opened", forMs),
            halfOpened: () => model.observed("halfOpened"),
            closed: () => model.observed("closed"),
          },
        });
        const open: { readonly ticket: number; readonly call: ModelCall }[] = [];
        for (const each of steps) {
          if ("call" in each) {
            const call = model.call();
            assert.equal(breaker.admits(), call !== undefined);
            const ticket = breaker.admit();
            assert.equal(ticket !== undefined, call !== undefined);
            if (ticket !== undefined && call !== undefined) open.push({ ticket, call });
          } else if ("end" in each) {
            // Recent ones more often, as they belong to the current generation.
            const [ended] = open.splice(-1 - (each.end % Math.max(1, open.length)), 1);
            if (ended === undefined) continue;
            model.end(ended.call, each.as);
            breaker.record(ended.ticket, each.as);
          } else {
            await clock.advance(each.wait);
          }
          model.check();
          expect(breaker.phase).toBe(model.phase());
        }
      }),
    );
  });
});

describe("Breaker", () => {
  test("does not read the clock for a check while closed", () => {
    let readings = 0;
    const clock = { ...virtualClock(), now: () => ++readings };
    const breaker = new Breaker({ clock });
    const before = readings;
    expect([breaker.admits(), breaker.admit(), breaker.phase]).toEqual([true, 0, "closed"]);
    expect(readings).toBe(before);
  });

  test("closes only when all of several probes have succeeded", async () => {
    const { breaker, clock, open } = opened({ probes: 3 });
    open();
    await clock.advance(5_000);
    const tickets = [breaker.admit(), breaker.admit(), breaker.admit()] as number[];
    expect(breaker.admit()).toBeUndefined();
    breaker.record(tickets[0] as number, "success");
    // A success does not free a slot: three probes are three.
    expect(breaker.admit()).toBeUndefined();
    breaker.record(tickets[1] as number, "success");
    expect(breaker.phase).toBe("half-open");
    breaker.record(tickets[2] as number, "success");
    expect(breaker.phase).toBe("closed");
  });

  test("a limited probe reopens it", async () => {
    const { breaker, clock, open, forMs } = opened({ random: () => 1 });
    open();
    await clock.advance(5_000);
    breaker.record(breaker.admit() as number, "limited");
    expect(forMs).toEqual([5_000, 10_000]);
  });

  test("open time has equal jitter: 5 s become 2.5 to 5", () => {
    expect(times({ random: () => 0 }, 1)).toEqual([2_500]);
    expect(times({ random: () => 1 }, 1)).toEqual([5_000]);
  });

  test("open time doubles up to 300 s", () => {
    expect(times({ random: () => 1 }, 9)).toEqual([
      5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
    ]);
  });

  test("open time stays finite, however often it opens", () => {
    expect(times({ random: () => 1 }, 2_000).at(-1)).toBe(300_000);
  });

  test("open time starts over once it has closed", async () => {
    const { breaker, clock, open, forMs } = opened({ random: () => 1 });
    open();
    await clock.advance(5_000);
    breaker.record(breaker.admit() as number, "failure");
    await clock.advance(10_000);
    breaker.record(breaker.admit() as number, "success");
    open();
    expect(forMs).toEqual([5_000, 10_000, 5_000]);
  });

  test("results from before it closed do not count", async () => {
    const { breaker, clock, open } = opened({ trip: successRate({ minCalls: 2 }) });
    open();
    await clock.advance(5_000);
    breaker.record(breaker.admit() as number, "success");
    breaker.record(breaker.admit() as number, "failure");
    expect(breaker.phase).toBe("closed");
  });

  // Defect in opossum (#385): each of several concurrent failures opened it again, and the timer
  // was lost.
  test("concurrent failures open it once", () => {
    const { breaker, forMs } = opened({});
    const tickets = Array.from({ length: 20 }, () => breaker.admit() as number);
    for (const ticket of tickets) breaker.record(ticket, "failure");
    expect(forMs).toHaveLength(1);
  });

  test.each([
    [{ openMs: 0 }, "circuit-breaker: openMs must be a number above 0 and at most 2147483647 (got 0)"],
    [{ openMs: NaN }, "circuit-breaker: openMs must be a number above 0 and at most 2147483647 (got NaN)"],
    [
      { openMs: Infinity },
      "circuit-breaker: openMs must be a number above 0 and at most 2147483647 (got Infinity)",
    ],
    [
      { maxOpenMs: 4_999 },
      "circuit-breaker: maxOpenMs must be a number from openMs (5000) to 2147483647 (got 4999)",
    ],
    [
      { maxOpenMs: 2 ** 31 },
      "circuit-breaker: maxOpenMs must be a number from openMs (5000) to 2147483647 (got 2147483648)",
    ],
    [{ probes: 0 }, "circuit-breaker: probes must be an integer of at least 1 (got 0)"],
    [{ probes: 1.5 }, "circuit-breaker: probes must be an integer of at least 1 (got 1.5)"],
  ])("rejects %o", (options, message) => {
    expect(() => new Breaker(options)).toThrow(message);
  });

  test("accepts an openMs above the default of maxOpenMs", () => {
    expect(new Breaker({ openMs: 600_000 }).options["maxOpenMs"]).toBe(600_000);
  });
});

function opened(options: BreakerOptions) {
  const clock = virtualClock();
  const forMs: number[] = [];
  const breaker = new Breaker({
    clock,
    observer: { opened: (opening) => forMs.push(opening.forMs) },
    ...options,
  });
  const open = (): void => {
    while (breaker.phase === "closed") breaker.record(breaker.admit() as number, "failure");
  };
  return { clock, breaker, forMs, open };
}

/** The open times if every probe fails. */
function times(options: BreakerOptions, count: number): readonly number[] {
  let now = 0;
  const { breaker, forMs, open } = opened({ clock: { ...virtualClock(), now: () => now }, ...options });
  open();
  while (forMs.length < count) {
    now += forMs.at(-1) ?? 0;
    breaker.record(breaker.admit() as number, "failure");
  }
  return forMs;
}
