import { anyReady, isReady, WaitList, whenReady } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test, vi } from "vitest";

/** A list with a gate that counts how often `emptied` has run. */
function bench() {
  const emptied = vi.fn<() => void>();
  const gate = { open: false };
  const waiting = new WaitList(() => gate.open, emptied);
  return { gate, waiting, emptied };
}

describe("WaitList reports that it has become empty", () => {
  test("when the last waiter leaves, and not before", async () => {
    const { waiting, emptied } = bench();
    const leaving = [new AbortController(), new AbortController()] as const;
    for (const { signal } of leaving) void whenReady(waiting, () => undefined, signal);
    leaving[1].abort();
    await settled();
    expect(emptied).not.toHaveBeenCalled();
    leaving[0].abort();
    await settled();
    expect(emptied).toHaveBeenCalledTimes(1);
    expect(waiting.size).toBe(0);
  });

  test("when the last waiter is woken, held or not", async () => {
    const { gate, waiting, emptied } = bench();
    const plain = waiting.ready();
    void whenReady(waiting, () => undefined);
    gate.open = true;
    waiting.wake();
    await plain;
    expect(emptied).toHaveBeenCalledTimes(1);
  });

  test("in the tick in which a caller only asked", () => {
    const { waiting, emptied } = bench();
    expect(isReady(waiting)).toBe(false);
    expect(emptied).toHaveBeenCalledTimes(1);
  });

  test("when a waiter for any of several services has moved elsewhere", async () => {
    const { gate, waiting, emptied } = bench();
    const other = new WaitList(() => gate.open);
    void whenReady({ ready: () => anyReady([waiting, other]) }, () => undefined);
    await settled();
    gate.open = true;
    other.wake();
    await settled();
    expect(emptied).toHaveBeenCalledTimes(1);
  });

  test("each time it becomes empty", () => {
    const { waiting, emptied } = bench();
    isReady(waiting);
    isReady(waiting);
    expect(emptied).toHaveBeenCalledTimes(2);
  });
});

test("a timer set only while there are waiters wakes all of them, those that return included", async () => {
  const gate = { open: false };
  let timer: (() => void) | undefined;
  const waiting = new WaitList(
    () => gate.open,
    () => (timer = undefined),
  );
  const ready = (): undefined | Promise<void> => {
    const turn = waiting.ready();
    if (turn !== undefined) timer = () => waiting.wake();
    return turn;
  };
  let done = false;
  void whenReady({ ready }, () => (done = true));
  await settled();
  gate.open = true;
  timer?.();
  expect(timer).toBeUndefined();
  // Another caller was faster.
  gate.open = false;
  await settled();
  expect(done).toBe(false);
  gate.open = true;
  timer?.();
  await settled();
  expect(done).toBe(true);
  expect(timer).toBeUndefined();
});
