import { mockService, virtualClock } from "@pagoda/core/testing";
import { isRight, left, right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { buffer, type BufferOptions } from "@pagoda/buffer";
import { slow } from "./inners.ts";

const timedOut = (waitedMs: number) =>
  left({ _tag: "QueueTimedOut", origin: "local", retryable: true, waitedMs });

describe("maxWaitMs", () => {
  // Defect: without it a call waited for as long as a circuit further in was open, outside of every timeout.
  test("is 3 s, if nothing else is said", async () => {
    const clock = virtualClock();
    const mock = mockService<string, number>();
    mock.admit(0);
    const result = buffer({ capacity: 1, clock })(mock.service).call("a");
    let over = false;
    void result.then(() => (over = true));
    await clock.advance(2_999);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(
      left({ _tag: "QueueTimedOut", origin: "local", retryable: true, waitedMs: 3_000 }),
    );
  });

  test("ends the waiting of each call at its own time, and inner never hears of it", async () => {
    const clock = virtualClock();
    const mock = mockService<string, number>();
    const dropped: string[] = [];
    const layered = buffer({
      capacity: 5,
      maxWaitMs: 100,
      observer: { dropped: (reason) => dropped.push(reason) },
      clock,
    })(mock.service);
    mock.admit(0);
    const ended: string[] = [];
    const call = (name: string) => {
      const result = layered.call(name);
      void result.then(() => ended.push(`${name} at ${clock.now()}`));
      return result;
    };
    const first = call("first");
    await clock.advance(30);
    const second = call("second");
    await clock.advance(69);
    expect(ended).toEqual([]);
    await clock.advance(1);
    const third = call("third");
    mock.admit(1);
    (await mock.next()).answer(2);
    (await mock.next()).answer(3);
    expect(await Promise.all([first, second, third])).toEqual([timedOut(100), right(2), right(3)]);
    expect(ended).toEqual(["first at 100", "second at 100", "third at 100"]);
    expect(mock.calls.map(({ request }) => request)).toEqual(["second", "third"]);
    expect(dropped).toEqual(["timedOut"]);
    expect(clock.pending).toBe(0);
  });

  test("does not bound the call once it has gone on", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 5, maxWaitMs: 15, clock })(slow(clock, 10));
    const results = [layered.call("a"), layered.call("b"), layered.call("c")];
    await clock.runAll();
    // The second waits 10 and takes until 20; the third would have to wait 20.
    expect(await Promise.all(results)).toEqual([right("a"), right("b"), timedOut(15)]);
  });

  test.each([
    [{ maxWaitMs: 0 }, "buffer: maxWaitMs must be a number above 0 and at most 2147483647 (got 0)"],
    [{ maxWaitMs: NaN }, "buffer: maxWaitMs must be a number above 0 and at most 2147483647 (got NaN)"],
    [
      { maxWaitMs: 2 ** 31 },
      "buffer: maxWaitMs must be a number above 0 and at most 2147483647 (got 2147483648)",
    ],
    [
      { codel: { targetMs: 0, intervalMs: 100 } },
      "buffer: codel.targetMs must be a number above 0 and at most codel.intervalMs (100) (got 0)",
    ],
    [
      { codel: { targetMs: 101, intervalMs: 100 } },
      "buffer: codel.targetMs must be a number above 0 and at most codel.intervalMs (100) (got 101)",
    ],
    [
      { codel: { targetMs: 60, intervalMs: 100 }, maxWaitMs: 50 },
      "buffer: codel.targetMs must be a number above 0 and at most maxWaitMs (50) (got 60)",
    ],
    [
      { codel: { targetMs: 5, intervalMs: Infinity } },
      "buffer: codel.intervalMs must be a number above 0 and at most 2147483647 (got Infinity)",
    ],
  ])("%j is refused", (options, message) => {
    expect(() => buffer({ capacity: 1, ...options })).toThrow(message);
    expect(() => buffer({ capacity: 1, ...options })).toThrow(RangeError);
  });
});

describe("codel", () => {
  /** Inner takes a call in 10 ms; one comes each `everyMs`, for two seconds. Gives how long those that passed waited. */
  async function run(everyMs: number, options: Partial<BufferOptions>) {
    const clock = virtualClock();
    const waited: { readonly at: number; readonly ms: number }[] = [];
    let answered = 0;
    const layered = buffer({
      capacity: 100,
      observer: { passed: (ms) => waited.push({ at: clock.now(), ms }) },
      clock,
      ...options,
    })(slow(clock, 10));
    for (let at = 0; at < 2_000; at += everyMs) {
      void layered.call("a").then((result) => (answered += isRight(result) ? 1 : 0));
      await clock.advance(everyMs);
    }
    const atEnd = answered;
    await clock.runAll();
    const late = waited.filter(({ at }) => at > 1_000 && at <= 2_000).map(({ ms }) => ms);
    return { longest: Math.max(...late), answered: atEnd, pending: clock.pending };
  }
  const codel = { targetMs: 20, intervalMs: 100 };

  test("keeps the wait at its target under an overload that lasts, and inner busy", async () => {
    const { longest, answered, pending } = await run(5, { codel });
    expect(longest).toBeLessThanOrEqual(20);
    expect(answered).toBeGreaterThanOrEqual(198);
    expect(pending).toBe(0);
  });

  test("without it all wait as long as the queue is", async () => {
    const { longest } = await run(5, {});
    expect(longest).toBeGreaterThan(900);
  });

  test("lets a burst wait for longer than the target", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 10 }, () => layered.call("a"));
    await clock.runAll();
    // The last one waited 90 ms.
    expect((await Promise.all(results)).every(isRight)).toBe(true);
  });

  test("lets no call wait for longer than the interval, a burst neither", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 15 }, () => layered.call("a"));
    await clock.runAll();
    expect((await Promise.all(results)).filter(isRight)).toHaveLength(10);
  });

  test("once the queue has been empty, a burst may wait again", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, codel, clock })(slow(clock, 10));
    const burst = async (calls: number) =>
      Promise.all(Array.from({ length: calls }, () => layered.call("a")));
    const first = burst(10);
    await clock.advance(85);
    void layered.call("keeps the queue from being empty until 100");
    await clock.advance(10);
    void layered.call("until 110");
    await clock.advance(10);
    // At 105 it has not been empty for longer than the interval: 20 ms for each, enough for the one called at 120.
    const late = burst(5);
    await clock.runAll();
    expect((await first).every(isRight)).toBe(true);
    expect((await late).filter(isRight)).toHaveLength(1);
    const second = burst(10);
    await clock.runAll();
    expect((await second).every(isRight)).toBe(true);
  });

  test("maxWaitMs, where given, bounds the wait of a burst in place of the interval", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, maxWaitMs: 300, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 40 }, () => layered.call("a"));
    await clock.runAll();
    // The first goes straight through; those behind wait 10, 20, up to 290 ms, and at 300 the time is over.
    expect((await Promise.all(results)).filter(isRight)).toHaveLength(30);
  });
});
