import { mockService, virtualClock } from "@pagoda/core/testing";
import { isRight, left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { buffer, type BufferOptions } from "@pagoda/buffer";
import { slow } from "./inners.ts";

const timedOut = (waitedMs: number) =>
  left({ _tag: "QueueTimedOut", origin: "local", retryable: true, waitedMs });

describe("maxWaitMs", () => {
  // Defect: without a default, a call waited for as long as an inner circuit was open, beyond every
  // timeout.
  test("defaults to 3 s", async () => {
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

  test("times out each queued call on its own, and inner is never called", async () => {
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

  test("does not bound a call once it has left the queue", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 5, maxWaitMs: 15, clock })(slow(clock, 10));
    const results = [layered.call("a"), layered.call("b"), layered.call("c")];
    await clock.runAll();
    // The second waits 10 ms and is done at 20; the third would have to wait 20 ms.
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
  ])("rejects %j", (options, message) => {
    expect(() => buffer({ capacity: 1, ...options })).toThrow(message);
    expect(() => buffer({ capacity: 1, ...options })).toThrow(RangeError);
  });
});

describe("codel", () => {
  /**
   * Makes a call every `everyMs` for two seconds to an inner that takes 10 ms each; returns the
   * waits.
   */
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

  test("keeps waits at the target and inner busy under lasting overload", async () => {
    const { longest, answered, pending } = await run(5, { codel });
    expect(longest).toBeLessThanOrEqual(20);
    expect(answered).toBeGreaterThanOrEqual(198);
    expect(pending).toBe(0);
  });

  test("without codel, every call waits for the whole queue", async () => {
    const { longest } = await run(5, {});
    expect(longest).toBeGreaterThan(900);
  });

  test("lets a burst wait longer than the target", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 10 }, () => layered.call("a"));
    await clock.runAll();
    // The last one waited 90 ms.
    expect((await Promise.all(results)).every(isRight)).toBe(true);
  });

  test("lets no call wait longer than the interval, not even in a burst", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 15 }, () => layered.call("a"));
    await clock.runAll();
    expect((await Promise.all(results)).filter(isRight)).toHaveLength(10);
  });

  test("lets a burst wait again once the queue has been empty", async () => {
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
    // At 105 it has been non-empty for longer than the interval: 20 ms each, enough for the call at
    // 120.
    const late = burst(5);
    await clock.runAll();
    expect((await first).every(isRight)).toBe(true);
    expect((await late).filter(isRight)).toHaveLength(1);
    const second = burst(10);
    await clock.runAll();
    expect((await second).every(isRight)).toBe(true);
  });

  test("maxWaitMs replaces the interval as the bound of a burst", async () => {
    const clock = virtualClock();
    const layered = buffer({ capacity: 100, maxWaitMs: 300, codel, clock })(slow(clock, 10));
    const results = Array.from({ length: 40 }, () => layered.call("a"));
    await clock.runAll();
    // The first passes straight through; the others wait 10, 20, up to 290 ms, and at 300 the wait
    // ends.
    expect((await Promise.all(results)).filter(isRight)).toHaveLength(30);
  });
});
