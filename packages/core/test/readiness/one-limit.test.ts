import {
  type Either,
  isLeft,
  isReady,
  left,
  oneshot,
  right,
  service,
  WaitList,
  whenReady,
} from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test, vi } from "vitest";
import { bench, full, Limit } from "./limits.ts";

describe("a call without waiting", () => {
  test("is admitted in the tick in which ready() returned undefined", () => {
    const { stack, through } = bench(new Limit(1));
    expect(stack.ready()).toBeUndefined();
    void stack.call("a");
    expect(through()).toEqual(["a"]);
  });

  test("is refused with the layer's error if no slot is free, not queued", async () => {
    const { stack, through, answer } = bench(new Limit(1));
    void stack.call("a");
    expect(await stack.call("b")).toEqual(left(full));
    await answer(0);
    expect(through()).toEqual(["a"]);
  });

  test("asking for readiness reserves nothing", () => {
    const { stack } = bench(new Limit(1));
    expect([stack.ready(), stack.ready()]).toEqual([undefined, undefined]);
  });
});

describe("a waiter", () => {
  test("is admitted first come, first served", async () => {
    const { come, through, answer } = bench(new Limit(1));
    for (const name of ["a", "b", "c", "d"]) void come(name);
    for (const index of [0, 1, 2, 3]) await answer(index);
    expect(through()).toEqual(["a", "b", "c", "d"]);
  });

  test("is not overtaken by a newcomer when a slot has just become free", async () => {
    const { mock, come, through } = bench(new Limit(1));
    void come("a");
    void come("waits");
    await settled();
    mock.calls[0]?.answer("done");
    void come("late");
    await settled();
    expect(through()).toEqual(["a", "waits"]);
  });

  test("is not overtaken between its wake-up and its turn", async () => {
    const limit = new Limit(1);
    const { come, through, stack } = bench(limit);
    limit.take();
    void come("waits");
    await settled();
    limit.giveBack();
    expect(stack.ready()).toBeInstanceOf(Promise);
    await settled();
    expect(through()).toEqual(["waits"]);
  });

  test("is woken alone when one slot becomes free", async () => {
    const limit = new Limit(1);
    const asked = vi.fn<() => undefined | Promise<void>>(() => limit.waiting.ready());
    limit.take();
    for (let n = 0; n < 10; n++) void whenReady({ ready: asked }, () => limit.take());
    await settled();
    asked.mockClear();
    limit.giveBack();
    await settled();
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test("is woken for each of several slots that become free at once", async () => {
    const limit = new Limit(3);
    const { come, through } = bench(limit);
    for (let n = 0; n < 3; n++) limit.take();
    for (const name of ["a", "b", "c", "d"]) void come(name);
    await settled();
    for (let n = 0; n < 3; n++) limit.giveBack();
    await settled();
    expect(through()).toEqual(["a", "b", "c"]);
  });

  test("keeps its place when a call without waiting takes the slot it was woken for", async () => {
    const limit = new Limit(1);
    const { stack, come, through, answer } = bench(limit);
    limit.take();
    void come("a");
    void come("b");
    await settled();
    limit.giveBack();
    void stack.call("rude");
    await settled();
    for (const index of [0, 1, 2]) await answer(index);
    expect(through()).toEqual(["rude", "a", "b"]);
  });

  test("passes its turn on at once, not when its call has ended", async () => {
    const limit = new Limit(2);
    const { come, through } = bench(limit);
    limit.take();
    limit.take();
    void come("a");
    void come("b");
    await settled();
    limit.giveBack();
    limit.giveBack();
    await settled();
    expect(through()).toEqual(["a", "b"]);
  });

  test("passes its turn on when its action throws", async () => {
    const limit = new Limit(1);
    const { come, through } = bench(limit);
    limit.take();
    const bad = whenReady({ ready: () => limit.waiting.ready() }, () => {
      throw new Error("a defect");
    });
    void come("next");
    await settled();
    limit.giveBack();
    await expect(bad).rejects.toThrow("a defect");
    await settled();
    expect(through()).toEqual(["next"]);
  });
});

describe("a waiter whose signal is aborted", () => {
  test("leaves the queue before its turn", async () => {
    const limit = new Limit(1);
    const { come, through, answer } = bench(limit);
    const leaving = new AbortController();
    void come("a");
    const result = come("leaves", leaving.signal);
    void come("b");
    await settled();
    leaving.abort("enough");
    expect(await result).toEqual(
      left({ _tag: "Aborted", origin: "local", retryable: false, cause: "enough" }),
    );
    expect(limit.waiting.size).toBe(1);
    await answer(0);
    expect(through()).toEqual(["a", "b"]);
  });

  test("passes on a wake-up that it has received", async () => {
    const limit = new Limit(1);
    const { come, through } = bench(limit);
    const leaving = new AbortController();
    limit.take();
    void come("leaves", leaving.signal);
    void come("next");
    await settled();
    limit.giveBack();
    leaving.abort();
    await settled();
    expect(through()).toEqual(["next"]);
  });

  test("passes on a wake-up of the same tick", async () => {
    const limit = new Limit(1);
    const { come, through } = bench(limit);
    const leaving = new AbortController();
    limit.take();
    void come("leaves", leaving.signal);
    void come("next");
    await settled();
    leaving.abort();
    limit.giveBack();
    await settled();
    expect(through()).toEqual(["next"]);
  });

  test("does not call if it was aborted before waiting", async () => {
    const { come, through } = bench(new Limit(1));
    const result = (await come("a", AbortSignal.abort())) as ReturnType<typeof left>;
    expect(isLeft(result)).toBe(true);
    expect(through()).toEqual([]);
  });

  test("leaves no listener on its signal, whether it has called or not", async () => {
    const limit = new Limit(1);
    const { stack } = bench(limit);
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    limit.take();
    void whenReady(stack, () => undefined, signal);
    await settled();
    expect(added).toHaveBeenCalledTimes(1);
    limit.giveBack();
    await settled();
    expect(removed.mock.calls).toEqual(added.mock.calls);
  });
});

describe("a promise awaited without whenReady", () => {
  test("settles in its turn, together with the next waiter", async () => {
    const limit = new Limit(1);
    const { stack, come, through } = bench(limit);
    limit.take();
    let woken = false;
    void stack.ready()?.then(() => (woken = true));
    void come("next");
    await settled();
    limit.giveBack();
    await settled();
    expect(woken).toBe(true);
    expect(through()).toEqual(["next"]);
  });

  test("stays pending while no slot is free", async () => {
    const list = new WaitList(() => false);
    let woken = false;
    void list.ready()?.then(() => (woken = true));
    list.wake();
    await settled();
    expect(woken).toBe(false);
    expect(list.size).toBe(1);
  });
});

describe("whenReady", () => {
  test("returns the result of the action", async () => {
    expect(await whenReady({ ready: () => undefined }, () => Promise.resolve(7))).toBe(7);
  });

  test("asks again when a promise settles too early", async () => {
    const answers = [Promise.resolve(), Promise.resolve(), undefined];
    const ready = vi.fn<() => undefined | Promise<void>>(() => answers.shift());
    expect(await whenReady({ ready }, () => "done")).toBe("done");
    expect(ready).toHaveBeenCalledTimes(3);
  });
});

describe("isReady", () => {
  test("does not take a place in the queue", () => {
    const limit = new Limit(1);
    const { stack } = bench(limit);
    expect(isReady(stack)).toBe(true);
    limit.take();
    expect(isReady(stack)).toBe(false);
    expect(limit.waiting.size).toBe(0);
  });
});

describe("oneshot", () => {
  test("calls a ready service at once with the signal and returns its result", async () => {
    const { signal } = new AbortController();
    const call = vi.fn<() => Promise<Either<never, string>>>(async () => right("done"));
    expect(await oneshot(service("leaf", call), "a", signal)).toEqual(right("done"));
    expect(call).toHaveBeenCalledExactlyOnceWith("a", signal);
  });
});
