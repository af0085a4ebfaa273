import { type Fault, isRight, layer, oneshot } from "@pagoda/core";
import { mockService, seededRandom, settled, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Breaker, type BreakerOptions, circuitBreaker, consecutiveFailures } from "@pagoda/circuit-breaker";
import { down, refused } from "./bench.ts";

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("call", "wait in line"), at: fc.nat(100) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("answer", "fail", "fail", "refuse"), at: fc.nat(100) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("abort"), at: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass"), at: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("settle"), at: fc.constant(0) }) },
);

/** Two calls fail, and the open time passes. */
const opening = [
  ...["call", "call", "fail", "fail", "settle"].map((kind) => ({ kind, at: 0 })),
  { kind: "pass", at: 1_000 },
];

/** A layer directly inside a breaker that checks what passes while the breaker is not closed. */
class Watch {
  readonly #probes: number;
  readonly violations: string[] = [];
  #phase = "closed";
  /** Incremented whenever the breaker opens or closes. */
  #era = 0;
  #underWay = 0;
  #succeeded = 0;

  constructor(probes: number) {
    this.#probes = probes;
  }

  readonly observer = {
    opened: () => this.#enter("open"),
    halfOpened: () => (this.#phase = "half-open"),
    closed: () => this.#enter("closed"),
  };

  #enter(phase: string): void {
    if (phase === "closed" && this.#succeeded !== this.#probes) this.violations.push("closed too early");
    this.#phase = phase;
    this.#era++;
    this.#underWay = 0;
    this.#succeeded = 0;
  }

  readonly around = layer("watch", (inner) => ({
    call: async (request, signal) => {
      if (this.#phase === "closed") return inner.call(request, signal);
      const era = this.#era;
      this.#underWay++;
      if (this.#phase === "open" || this.#underWay + this.#succeeded > this.#probes)
        this.violations.push(`${this.#underWay} in flight, ${this.#succeeded} succeeded, ${this.#phase}`);
      const result = await inner.call(request, signal);
      if (era === this.#era) {
        this.#underWay--;
        if (isRight(result)) this.#succeeded++;
      }
      return result;
    },
  }));
}

test("property: never admits too many probes, even when some are aborted, and no call waits forever", async () => {
  let halfOpened = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(step, { maxLength: 80, size: "max" }),
      async (probes, steps) => {
        const clock = virtualClock();
        const mock = mockService<string, string, Fault>();
        const watch = new Watch(probes);
        const layered = circuitBreaker({
          trip: consecutiveFailures(2),
          openMs: 1_000,
          maxOpenMs: 4_000,
          probes,
          // Long enough that no probe is given up.
          probeMs: 2 ** 31 - 1,
          observer: watch.observer,
          clock,
          random: seededRandom(1),
        })(watch.around(mock.service));
        const controllers: AbortController[] = [];
        let done = 0;
        const come = (waits: boolean): void => {
          const controller = new AbortController();
          controllers.push(controller);
          const { signal } = controller;
          void (waits ? oneshot(layered, "a", signal) : layered.call("a", signal)).then(() => done++);
        };
        const ended = new Set<unknown>();
        for (const { kind, at } of [...opening, ...steps]) {
          const open = mock.calls.filter((call) => !ended.has(call));
          const target = open[at % Math.max(1, open.length)];
          if (target !== undefined && ["answer", "fail", "refuse"].includes(kind)) ended.add(target);
          if (kind === "call" || kind === "wait in line") come(kind !== "call");
          else if (kind === "answer") target?.answer("done");
          else if (kind === "fail") target?.fail(down);
          else if (kind === "refuse") target?.fail(refused);
          else if (kind === "abort") controllers[at % Math.max(1, controllers.length)]?.abort();
          else if (kind === "pass") await clock.advance(at);
          else await settled();
          if (layered.describe().state?.["phase"] === "half-open") halfOpened++;
        }
        // From here on the upstream is healthy: every waiting call comes through.
        for (let round = 0; done < controllers.length && round < 300; round++) {
          for (const open of mock.calls) open.answer("done");
          await clock.advance(4_000);
        }
        expect(watch.violations).toEqual([]);
        expect(done).toBe(controllers.length);
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
  // Guards against a property that holds vacuously.
  expect(halfOpened).toBeGreaterThan(20);
});

describe("a probe that is never answered (defect: kept the breaker half-open forever)", () => {
  function probing(options: BreakerOptions = {}) {
    const clock = virtualClock();
    const settings = { trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1, ...options };
    const breaker = new Breaker(settings);
    breaker.record(breaker.admit() as number, "failure");
    return { clock, breaker };
  }

  test("passes its slot on after probeMs, and its late result still counts", async () => {
    const { clock, breaker } = probing({ probeMs: 3_000 });
    await clock.advance(1_000);
    const first = breaker.admit() as number;
    await clock.advance(2_999);
    expect([breaker.admits(), breaker.admitsInMs]).toEqual([false, 1]);
    await clock.advance(1);
    expect(breaker.admits()).toBe(true);
    const second = breaker.admit();
    expect(second).toBeDefined();
    expect(breaker.admit()).toBeUndefined();
    expect(breaker.state()).toMatchObject({ phase: "half-open", probesInFlight: 2 });
    breaker.record(first, "success");
    expect(breaker.phase).toBe("closed");
  });

  test("passes its slot on after openMs by default, one call at a time", async () => {
    const { clock, breaker } = probing();
    let admitted = 0;
    for (let ms = 0; ms < 10_000; ms += 100) {
      if (breaker.admit() !== undefined) admitted++;
      await clock.advance(100);
    }
    expect(admitted).toBe(9);
  });

  test("reopens the breaker for longer if it fails late", async () => {
    const { clock, breaker } = probing();
    await clock.advance(1_000);
    const first = breaker.admit() as number;
    await clock.advance(1_000);
    const second = breaker.admit() as number;
    breaker.record(first, "failure");
    expect([breaker.phase, breaker.retryAfterMs]).toEqual(["open", 2_000]);
    breaker.record(second, "success");
    expect(breaker.phase).toBe("open");
  });

  test("does not lower the number of probes that must succeed", async () => {
    const { clock, breaker } = probing({ probes: 2 });
    await clock.advance(1_000);
    const [one, two] = [breaker.admit() as number, breaker.admit() as number];
    breaker.record(one, "success");
    await clock.advance(1_000);
    const three = breaker.admit() as number;
    expect(breaker.admit()).toBeUndefined();
    breaker.record(two, "neutral");
    expect(breaker.phase).toBe("half-open");
    breaker.record(three, "success");
    expect(breaker.phase).toBe("closed");
  });

  test("has succeeded after probeMs if its response has started successfully", async () => {
    const { clock, breaker } = probing();
    await clock.advance(1_000);
    const ticket = breaker.admit() as number;
    breaker.answered(ticket);
    await clock.advance(999);
    expect([breaker.admit(), breaker.phase]).toEqual([undefined, "half-open"]);
    await clock.advance(1);
    expect(breaker.admit()).toBeDefined();
    expect(breaker.phase).toBe("closed");
    // Its ticket belongs to an earlier generation.
    breaker.ended(ticket, "failure");
    expect(breaker.phase).toBe("closed");
  });

  test("wakes a waiting caller", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string, Fault>();
    const options = { trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1 };
    const layered = circuitBreaker(options)(mock.service);
    void layered.call("a");
    (await mock.next()).fail(down);
    await clock.advance(1_000);
    void layered.call("never answered");
    const waited = oneshot(layered, "b");
    await settled();
    await clock.advance(999);
    expect(mock.calls).toHaveLength(2);
    await clock.advance(1);
    mock.calls[2]?.answer("done");
    expect(await waited).toMatchObject({ right: "done" });
    expect(clock.pending).toBe(0);
  });

  test.each([0, -1, Number.NaN, 2 ** 31])("rejects a probeMs of %d", (probeMs) => {
    expect(() => new Breaker({ probeMs })).toThrow(
      "circuit-breaker: probeMs must be a number above 0 and at most 2147483647",
    );
  });
});
