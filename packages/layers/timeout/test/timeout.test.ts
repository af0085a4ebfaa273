import { getEventListeners } from "node:events";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { deadlineOf, left, right } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timeout } from "@pagoda/timeout";
import { Deadline, Deadlines } from "../src/deadlines.ts";

const timedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: 100 };

class Running extends Deadline {
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  expire(): void {
    this.#run();
  }
}

type StartWhen = (request: string, start: () => void, stop: () => void) => void;

function bench(options: { readonly startWhen?: StartWhen } = {}) {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  return { clock, mock, layered: timeout({ ms: 100, clock, ...options })(mock.service) };
}

describe("timeout", () => {
  conformance(test, ({ clock }) => timeout({ ms: 100, clock }));

  test("returns an answer in time", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    await clock.advance(99);
    (await mock.next()).answer(1);
    expect(await result).toEqual(right(1));
  });

  test("ends a call that takes too long and aborts inner", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
    expect(inner.signal?.aborted).toBe(true);
    // Defect: the reason was the bare fault, so that users of the signal, such as `fetch`, threw something other than an `Error`.
    expect(inner.signal?.reason).toBeInstanceOf(DOMException);
    expect(inner.signal?.reason).toMatchObject({
      name: "TimeoutError",
      cause: { _tag: "TimedOut", afterMs: 100 },
    });
  });

  test("discards a late answer", async () => {
    const { clock, layered, mock } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(100);
    inner.answer(1);
    expect(await result).toEqual(left(timedOut));
  });

  test("passes the deadline to inner layers", async () => {
    const { clock, mock, layered } = bench();
    await clock.advance(5);
    void layered.call("a");
    const { signal, answer } = await mock.next();
    expect(deadlineOf(signal)).toBe(105);
    answer(1);
  });

  test("reports exactly the timed-out calls to the observer", async () => {
    const reported: number[] = [];
    const clock = virtualClock();
    const mock = mockService<string, number>();
    const layered = timeout({ ms: 100, clock, observer: { timedOut: (afterMs) => reported.push(afterMs) } })(
      mock.service,
    );
    const results = [layered.call("a"), layered.call("b")];
    (await mock.next()).answer(1);
    await clock.advance(100);
    await Promise.all(results);
    expect(reported).toEqual([100]);
  });

  test("defect: deadline and listener stayed after inner threw", async () => {
    const clock = virtualClock();
    const { signal } = new AbortController();
    const thrower = {
      ...mockService<string, number>().service,
      call: (): never => {
        throw new Error("thrown");
      },
    };
    await expect(timeout({ ms: 100, clock })(thrower).call("a", signal)).rejects.toThrow("thrown");
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("startWhen can delay the start", async () => {
    let begin = (): void => {};
    const { clock, mock, layered } = bench({ startWhen: (_request, start) => (begin = start) });
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(1_000);
    begin();
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
  });

  test("startWhen can stop and restart the time, and with it the deadline", async () => {
    let [begin, halt] = [(): void => {}, (): void => {}];
    const { clock, mock, layered } = bench({
      startWhen: (_request, start, stop) => ([begin, halt] = [start, stop]),
    });
    const result = layered.call("a");
    const inner = await mock.next();
    halt();
    begin();
    expect(deadlineOf(inner.signal)).toBe(100);
    await clock.advance(99);
    halt();
    expect(deadlineOf(inner.signal)).toBeUndefined();
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    begin();
    expect(deadlineOf(inner.signal)).toBe(1_199);
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
    halt();
    begin();
    expect(clock.pending).toBe(0);
  });

  test("sets no timer for a call that ends before its time starts", async () => {
    let begin = (): void => {};
    const { clock, mock, layered } = bench({ startWhen: (_request, start) => (begin = start) });
    const result = layered.call("a");
    (await mock.next()).answer(1);
    await result;
    begin();
    expect(clock.pending).toBe(0);
  });

  test.each([0, -1, NaN, Infinity, 2 ** 31])("refuses %d ms", (ms) => {
    expect(() => timeout({ ms })).toThrow(
      `timeout: ms must be a number above 0 and at most 2147483647 (got ${ms})`,
    );
  });

  test("describes its time limit", () => {
    const { layered } = bench();
    expect(layered.describe()).toMatchObject({ name: "timeout", options: { ms: 100 } });
  });
});

describe("deadlines", () => {
  test("calls end at their own times with one timer", async () => {
    const { clock, layered } = bench();
    const ended: string[] = [];
    for (const [name, pause] of [
      ["first", 30],
      ["second", 30],
      ["third", 0],
    ] as const) {
      void layered.call(name).then(() => ended.push(`${name} at ${clock.now()}`));
      expect(clock.pending).toBe(1);
      await clock.advance(pause);
    }
    await clock.runAll();
    expect(ended).toEqual(["first at 100", "second at 130", "third at 160"]);
    expect(clock.pending).toBe(0);
  });

  test("property: deadlines expire as in a model", async () => {
    const step = fc.oneof(
      fc.record({ set: fc.constant(true) }),
      fc.record({ clear: fc.nat() }),
      fc.record({ wait: fc.integer({ min: 0, max: 60 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = virtualClock();
        const deadlines = new Deadlines(clock, 100);
        const expired: string[] = [];
        const expected: string[] = [];
        const open = new Map<number, Deadline>();
        let model: { readonly id: number; readonly at: number }[] = [];
        let id = 0;
        const waited = async (ms: number): Promise<void> => {
          const until = clock.now() + ms;
          for (const each of model.filter(({ at }) => at <= until)) expected.push(`${each.id} at ${each.at}`);
          model = model.filter(({ at }) => at > until);
          await clock.advance(ms);
        };
        for (const each of steps) {
          if ("set" in each) {
            const own = id++;
            const deadline = new Running(() => {
              open.delete(own);
              expired.push(`${own} at ${clock.now()}`);
            });
            deadlines.set(deadline);
            open.set(own, deadline);
            model.push({ id: own, at: clock.now() + 100 });
          } else if ("clear" in each) {
            const [own, deadline] = [...open][each.clear % Math.max(1, open.size)] ?? [];
            if (own === undefined || deadline === undefined) continue;
            deadlines.clear(deadline);
            open.delete(own);
            model = model.filter(({ id: other }) => other !== own);
          } else {
            await waited(each.wait);
          }
        }
        await waited(1_000);
        expect(expired).toEqual(expected);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});

describe("after a stall of the process", () => {
  function stopped() {
    const clock = virtualClock();
    const state = { ms: 0 };
    const mock = mockService<string, string>();
    const held = { ...clock, now: () => clock.now() + state.ms };
    return { clock, state, mock, layered: timeout<string>({ ms: 100, clock: held })(mock.service) };
  }

  test("defect: a timeout during a stall counted against the upstream", async () => {
    const { clock, state, layered } = stopped();
    const result = layered.call("a");
    state.ms = 5_000;
    await clock.advance(101);
    expect(await result).toMatchObject({ left: { _tag: "TimedOut", origin: "local", afterMs: 100 } });
    const next = layered.call("b");
    await clock.advance(100);
    expect(await next).toMatchObject({ left: { _tag: "TimedOut", origin: "upstream" } });
    expect(clock.pending).toBe(0);
  });

  test("accepts an answer that has arrived in the meantime", async () => {
    const { clock, state, mock, layered } = stopped();
    const result = layered.call("a");
    const call = await mock.next();
    state.ms = 5_000;
    await clock.advance(100);
    call.answer("in time");
    expect(await result).toMatchObject({ right: "in time" });
    expect(clock.pending).toBe(0);
  });
});
