import { getEventListeners } from "node:events";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { left, right } from "fp-ts/lib/Either.js";
import { deadlineOf } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timeout } from "@pagoda/timeout";
import { type Deadline, Deadlines } from "../src/deadlines.ts";

const timedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: 100 };

type StartWhen = (request: string, start: () => void, stop: () => void) => void;

function bench(options: { readonly startWhen?: StartWhen } = {}) {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  return { clock, mock, layered: timeout({ ms: 100, clock, ...options })(mock.service) };
}

describe("timeout", () => {
  conformance(test, ({ clock }) => timeout({ ms: 100, clock }));

  test("gives an answer that comes in time", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    await clock.advance(99);
    (await mock.next()).answer(1);
    expect(await result).toEqual(right(1));
  });

  test("ends a call that takes longer, and aborts it inside", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
    expect(inner.signal?.aborted).toBe(true);
    // Defect: the reason was the bare fault, which is no `Error`: what waits with the signal, such as `fetch`, threw it.
    expect(inner.signal?.reason).toBeInstanceOf(DOMException);
    expect(inner.signal?.reason).toMatchObject({
      name: "TimeoutError",
      cause: { _tag: "TimedOut", afterMs: 100 },
    });
  });

  test("drops an answer that comes late", async () => {
    const { clock, layered, mock } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(100);
    inner.answer(1);
    expect(await result).toEqual(left(timedOut));
  });

  test("tells those further in when the time will be over", async () => {
    const { clock, mock, layered } = bench();
    await clock.advance(5);
    void layered.call("a");
    const { signal, answer } = await mock.next();
    expect(deadlineOf(signal)).toBe(105);
    answer(1);
  });

  test("tells its observer of each call that it gives up, and of no other", async () => {
    const told: number[] = [];
    const clock = virtualClock();
    const mock = mockService<string, number>();
    const layered = timeout({ ms: 100, clock, observer: { timedOut: (afterMs) => told.push(afterMs) } })(
      mock.service,
    );
    const results = [layered.call("a"), layered.call("b")];
    (await mock.next()).answer(1);
    await clock.advance(100);
    await Promise.all(results);
    expect(told).toEqual([100]);
  });

  test("defect: an inner that threw left its deadline and its listener", async () => {
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

  test("lets the time begin later", async () => {
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

  test("stops the time and lets it begin anew; the deadline goes and comes with it", async () => {
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

  test("sets no timer for a call that has ended before its time begins", async () => {
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

  test("describes its time", () => {
    const { layered } = bench();
    expect(layered.describe()).toMatchObject({ name: "timeout", options: { ms: 100 } });
  });
});

describe("deadlines", () => {
  test("each call ends at its own time, though one timer serves all", async () => {
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

  test("expire as a list of them in a model does, whatever is set and cleared when", async () => {
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
            open.set(
              own,
              deadlines.set(() => {
                open.delete(own);
                expired.push(`${own} at ${clock.now()}`);
              }),
            );
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

describe("after this process has been stopped", () => {
  function stopped() {
    const clock = virtualClock();
    const state = { ms: 0 };
    const mock = mockService<string, string>();
    const held = { ...clock, now: () => clock.now() + state.ms };
    return { clock, state, mock, layered: timeout<string>({ ms: 100, clock: held })(mock.service) };
  }

  test("defect: a call that had no time to be answered counted against the upstream", async () => {
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

  test("an answer that has come meanwhile is taken", async () => {
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
