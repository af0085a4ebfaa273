import { callAll, deadlineOf, left, oneshot, right, Scope, service } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

/** Not ready, and refuses, until it is opened; records the signals of its calls. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const signals: (AbortSignal | undefined)[] = [];
  let isOpen = false;
  const inner = service(
    "gate",
    async (_text: string, signal?: AbortSignal) => {
      signals.push(signal);
      return isOpen ? right("done") : left("closed" as const);
    },
    { ready: () => (isOpen ? undefined : promise) },
  );
  const open = (): void => {
    isOpen = true;
    resolve();
  };
  return { inner, open, signals };
}

describe("oneshot with maxWaitMs", () => {
  test("calls when the service becomes ready and leaves no timer", async () => {
    const clock = virtualClock();
    const { inner, open } = gate();
    const result = oneshot(inner, "a", undefined, { maxWaitMs: 100, clock });
    await clock.advance(99);
    open();
    expect(await result).toEqual(right("done"));
    expect(clock.pending).toBe(0);
  });

  test("calls anyway after maxWaitMs and returns the service's refusal", async () => {
    const clock = virtualClock();
    const { inner, signals } = gate();
    const { signal } = new AbortController();
    const result = oneshot(inner, "a", signal, { maxWaitMs: 100, clock });
    await clock.advance(99);
    expect(signals).toEqual([]);
    await clock.advance(1);
    expect(await result).toEqual(left("closed"));
    expect(signals).toEqual([signal]);
  });

  test("bounds the wait, not the call", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string>();
    mock.admit(0);
    const result = oneshot(mock.service, "a", undefined, { maxWaitMs: 100, clock });
    await clock.advance(50);
    mock.admit(1);
    const call = await mock.next();
    await clock.advance(1_000);
    expect(call.signal).toBeUndefined();
    call.answer("late");
    expect(await result).toEqual(right("late"));
  });

  test("sets no timer if the service is ready", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string>();
    const result = oneshot(mock.service, "a", undefined, { maxWaitMs: 100, clock });
    expect(clock.pending).toBe(0);
    (await mock.next()).answer("done");
    expect(await result).toEqual(right("done"));
  });

  test("ends when the caller aborts and leaves nothing behind", async () => {
    const clock = virtualClock();
    const { inner, signals } = gate();
    const leaving = new AbortController();
    const result = oneshot(inner, "a", leaving.signal, { maxWaitMs: 100, clock });
    leaving.abort("enough");
    expect(await result).toMatchObject(left({ _tag: "Aborted", cause: "enough" }));
    expect([clock.pending, signals]).toEqual([0, []]);
  });

  test("rejects with a defect of the call or of ready() and leaves no timer", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string>();
    mock.admit(0);
    const result = oneshot(mock.service, "a", undefined, { maxWaitMs: 100, clock });
    mock.admit(1);
    (await mock.next()).reject(new Error("a defect"));
    await expect(result).rejects.toThrow("a defect");
    const throwing = service("throws", async (_text: string) => right(1), {
      ready: () => {
        throw new Error("of ready");
      },
    });
    await expect(oneshot(throwing, "a", undefined, { maxWaitMs: 100, clock })).rejects.toThrow("of ready");
    expect(clock.pending).toBe(0);
  });

  test.each([-1, NaN, 2 ** 31])("refuses %s", async (maxWaitMs) => {
    const { inner } = gate();
    await expect(oneshot(inner, "a", undefined, { maxWaitMs })).rejects.toThrow(
      new RangeError(`oneshot: maxWaitMs must be a number from 0 to 2147483647 (got ${maxWaitMs})`),
    );
  });
});

describe("callAll", () => {
  test("waits maxWaitMs for readiness, then returns the refusal", async () => {
    const clock = virtualClock();
    const { inner } = gate();
    const first = callAll(inner, ["a"], { maxWaitMs: 100, clock }).next();
    let over = false;
    void first.then(() => (over = true));
    await clock.advance(99);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await first).toEqual({ done: false, value: left("closed") });
  });

  test("waits at most a minute by default", async () => {
    const clock = virtualClock();
    const { inner } = gate();
    const first = callAll(inner, ["a"], { clock }).next();
    await settled();
    expect(clock.pending).toBe(1);
    await clock.advance(60_000);
    expect((await first).value).toEqual(left("closed"));
  });

  // Defect: the signal of the calls lacked the caller's deadline.
  test("passes the caller's deadline on", async () => {
    const deadlines: unknown[] = [];
    const inner = service("leaf", async (_text: string, signal?: AbortSignal) => {
      deadlines.push(deadlineOf(signal));
      return right(1);
    });
    const scope = new Scope(undefined);
    scope.deadline = 1_234;
    for await (const _ of callAll(inner, ["a"], { signal: scope.signal }));
    expect(deadlines).toEqual([1_234]);
  });
});
