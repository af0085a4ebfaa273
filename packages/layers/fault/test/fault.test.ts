import {
  type Aborted,
  type Clock,
  type Fault,
  type Layer,
  type Random,
  type Service,
  service,
} from "@pagoda/core";
import { mockService, seededRandom, settled, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { left, right } from "fp-ts/lib/Either.js";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Delay, type Failure, fault, type FaultOptions, type Injected } from "@pagoda/fault";

const injected: Injected = { _tag: "Injected", origin: "upstream", retryable: true };

function bench(options: FaultOptions) {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  const told: unknown[] = [];
  const observer = { delayed: (ms: number) => told.push(ms), failed: (error: unknown) => told.push(error) };
  return { clock, mock, told, layered: fault({ clock, observer, ...options })(mock.service) };
}

/** Source of chance that gives these numbers over and over, and counts how many were taken. */
function scripted(...numbers: readonly number[]): { readonly random: Random; readonly taken: () => number } {
  let taken = 0;
  return { random: () => numbers[taken++ % numbers.length] as number, taken: () => taken };
}

describe("fault: passing", () => {
  conformance(test, () => fault({ delay: { ratio: 0, ms: 50 }, failure: { ratio: 0 } }));

  test("gives inner's own promise, and sets no timer", async () => {
    const answer = Promise.resolve(right(1));
    const clock = virtualClock();
    const layered = fault({ delay: { ratio: 0, ms: 50 }, clock })(service("leaf", () => answer));
    expect(layered.call("a")).toBe(answer);
    expect(clock.pending).toBe(0);
  });

  test("a call of inner that throws comes out as a rejection", async () => {
    const leaf: Service<string, number> = service("leaf", () => {
      throw new Error("a mistake");
    });
    await expect(fault({})(leaf).call("a")).rejects.toThrow("a mistake");
  });
});

describe("fault: failure", () => {
  test("ends a call before inner sees it", async () => {
    const { mock, layered, told } = bench({ failure: { ratio: 1 } });
    expect(await layered.call("a")).toEqual(left(injected));
    await mock.expectNoCall();
    expect(told).toEqual([injected]);
  });

  test("gives the error that was asked for, made for each call", async () => {
    let made = 0;
    const { layered } = bench({ failure: { ratio: 1, error: () => ++made } });
    expect([await layered.call("a"), await layered.call("b")]).toEqual([left(1), left(2)]);
  });

  test("an error that cannot be made is a defect", async () => {
    const error = (): never => {
      throw new Error("a mistake");
    };
    await expect(bench({ failure: { ratio: 1, error } }).layered.call("a")).rejects.toThrow("a mistake");
  });

  test("hits the share that was asked for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), async (seed, ratio) => {
        const layered = fault({ failure: { ratio }, random: seededRandom(seed) })(
          service("leaf", async () => right(1)),
        );
        const results = await Promise.all(Array.from({ length: 2_000 }, () => layered.call("a")));
        const share = results.filter(({ _tag }) => _tag === "Left").length / results.length;
        expect(Math.abs(share - ratio)).toBeLessThan(0.07);
      }),
      { numRuns: 30 },
    );
  });
});

describe("fault: delay", () => {
  conformance(test, ({ clock }) => fault({ delay: { ratio: 1, ms: 0 }, clock: hurried(clock) }));

  // Defect: it waited for ever for an inner that did not become ready, such as an open circuit.
  test("waits 3 s at most for an inner that is not ready when the time is over, which then refuses", async () => {
    const clock = virtualClock();
    const open = service("open", async (_text: string) => left("open"), {
      ready: () => new Promise(() => {}),
    });
    let over = false;
    const result = fault({ delay: { ratio: 1, ms: 50 }, clock })(open).call("a");
    void result.then(() => (over = true));
    await clock.advance(3_049);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left("open"));
  });

  test("calls inner only when the time is over", async () => {
    const { clock, mock, layered, told } = bench({ delay: { ratio: 1, ms: 50 } });
    const result = layered.call("a");
    await clock.advance(49);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).answer(1);
    expect(await result).toEqual(right(1));
    expect(told).toEqual([50]);
  });

  test("makes the time of chance", async () => {
    const { random } = scripted(0, 0.25, 0.99);
    const { clock, mock, layered, told } = bench({
      delay: { ratio: 1, ms: (chance) => 100 * chance },
      random,
    });
    void layered.call("a");
    await clock.advance(25);
    (await mock.next()).answer(1);
    expect(told).toEqual([25]);
  });

  test.each([-1, NaN, Infinity])("a time of %d ms out of a function is a defect", async (ms) => {
    const { layered } = bench({ delay: { ratio: 1, ms: () => ms } });
    await expect(layered.call("a")).rejects.toThrow(
      `fault: delay.ms must be a number from 0 to 2147483647 (got ${ms})`,
    );
  });

  test("then fails, where both hit", async () => {
    const { clock, layered, told } = bench({ delay: { ratio: 1, ms: 50 }, failure: { ratio: 1 } });
    const result = layered.call("a");
    await clock.advance(49);
    expect(told).toEqual([50]);
    await clock.advance(1);
    expect(await result).toEqual(left(injected));
  });

  test("ends at once with the caller, and leaves nothing", async () => {
    const { clock, mock, layered } = bench({ delay: { ratio: 1, ms: 50 }, failure: { ratio: 1 } });
    const controller = new AbortController();
    const result = layered.call("a", controller.signal);
    await settled();
    controller.abort("gone");
    expect(clock.pending).toBe(0);
    const expected: Aborted = { _tag: "Aborted", origin: "local", retryable: false, cause: "gone" };
    expect(await result).toEqual(left(expected));
    await mock.expectNoCall();
  });

  test("does not begin for a caller that has left", async () => {
    const { clock, layered } = bench({ delay: { ratio: 1, ms: 50 } });
    expect(await layered.call("a", AbortSignal.abort())).toMatchObject({ left: { _tag: "Aborted" } });
    expect(clock.pending).toBe(0);
  });

  test("asks inner's readiness again, and waits for it until the caller leaves", async () => {
    const { clock, mock, layered } = bench({ delay: { ratio: 1, ms: 50 } });
    const controller = new AbortController();
    const results = [layered.call("a"), layered.call("b", controller.signal)];
    mock.admit(0);
    await clock.advance(50);
    await mock.expectNoCall();
    controller.abort();
    expect(await results[1]).toMatchObject({ left: { _tag: "Aborted" } });
    mock.admit(1);
    (await mock.next()).answer(1);
    expect(await results[0]).toEqual(right(1));
    expect(mock.uninvited).toBe(0);
  });
});

describe("fault: chance", () => {
  test.each<FaultOptions>([
    {},
    { delay: { ratio: 1, ms: (chance) => chance } },
    { delay: { ratio: 1, ms: 1 }, failure: { ratio: 1 } },
    { failure: { ratio: 1 } },
    { delay: { ratio: 0, ms: 1 }, failure: { ratio: 0 } },
  ])("takes three numbers for each call, whatever becomes of it: %j", async (options) => {
    const { random, taken } = scripted(0.5);
    const { clock, mock, layered } = bench({ ...options, random });
    void layered.call("a");
    await clock.runAll();
    for (const call of mock.calls) call.answer(1);
    expect(taken()).toBe(3);
  });

  test("the same calls fail for the same seed, whatever is delayed", async () => {
    const failing = async (delay?: Delay): Promise<readonly string[]> => {
      const clock = virtualClock();
      const leaf = service("leaf", async (_request: string) => right(1));
      const options = { failure: { ratio: 0.3 }, random: seededRandom(7), clock };
      const layered = delay === undefined ? fault(options)(leaf) : fault({ ...options, delay })(leaf);
      const results = Array.from({ length: 50 }, () => layered.call("a"));
      await clock.runAll();
      return (await Promise.all(results)).map(({ _tag }) => _tag);
    };
    const alone = await failing();
    expect(new Set(alone).size).toBe(2);
    expect(await failing({ ratio: 0.5, ms: (chance) => 10 * chance })).toEqual(alone);
  });
});

describe("fault: options", () => {
  test.each([-0.1, 1.1, NaN])("does not take %d as a share", (ratio) => {
    expect(() => fault({ delay: { ratio, ms: 1 } })).toThrow(
      `delay.ratio must be a number from 0 to 1 (got ${ratio})`,
    );
    expect(() => fault({ failure: { ratio } })).toThrow(
      `failure.ratio must be a number from 0 to 1 (got ${ratio})`,
    );
  });

  test.each([-1, NaN, 2 ** 31])("does not take %d ms", (ms) => {
    expect(() => fault({ delay: { ratio: 1, ms } })).toThrow(
      `fault: delay.ms must be a number from 0 to 2147483647 (got ${ms})`,
    );
  });

  test("describes them, and what it has done", async () => {
    const { clock, layered } = bench({ delay: { ratio: 1, ms: 50 }, failure: { ratio: 1 } });
    void layered.call("a");
    expect(layered.describe()).toMatchObject({
      name: "fault",
      options: { delay: { ratio: 1, ms: 50 }, failure: { ratio: 1 } },
      state: { delayed: 1, failed: 0 },
    });
    await clock.runAll();
    expect(layered.describe().state).toEqual({ delayed: 1, failed: 1 });
    expect(bench({ delay: { ratio: 1, ms: () => 1 } }).layered.describe().options).toEqual({
      delay: { ratio: 1, ms: "drawn" },
    });
  });
});

describe("types of fault", () => {
  interface Down extends Fault<"Down"> {}
  const down = (): Down => ({ _tag: "Down", origin: "upstream", retryable: true });

  test("what is raised is what was asked for", () => {
    expectTypeOf(fault({})).toEqualTypeOf<Layer>();
    expectTypeOf(fault({ delay: { ratio: 1, ms: 1 } })).toEqualTypeOf<Layer<unknown, unknown, Aborted>>();
    expectTypeOf(fault({ failure: { ratio: 1 } })).toEqualTypeOf<Layer<unknown, unknown, Injected>>();
    expectTypeOf(fault({ failure: { ratio: 1, error: down } })).toEqualTypeOf<
      Layer<unknown, unknown, Down>
    >();
    expectTypeOf(fault({ delay: { ratio: 1, ms: 1 }, failure: { ratio: 1, error: down } })).toEqualTypeOf<
      Layer<unknown, unknown, Aborted | Down>
    >();
  });

  test("options that may be there may raise", () => {
    expectTypeOf(fault({} as { failure?: Failure<Down>; delay?: Delay })).toEqualTypeOf<
      Layer<unknown, unknown, Aborted | Injected | Down>
    >();
  });

  test("an option that is not one does not compile", () => {
    // @ts-expect-error: 'delays' does not exist.
    fault({ delays: { ratio: 1, ms: 1 } });
  });
});

/** Timers of 0 ms fire as soon as everything else has settled: the suite does not move its clock. */
function hurried(clock: Clock): Clock {
  const own = new WeakSet();
  return {
    ...clock,
    setTimer(ms, run) {
      if (ms > 0) return clock.setTimer(ms, run);
      const timer = soon(ms, run);
      own.add(timer);
      return timer;
    },
    clearTimer: (timer) => own.has(timer) || clock.clearTimer(timer),
  };
}

/** A timer that fires as soon as everything else has settled. */
function soon(_ms: number, run: () => void): object {
  void Promise.resolve().then(run);
  return {};
}
