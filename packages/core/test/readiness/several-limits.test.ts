import { anyReady, whenReady } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { bench, Limit } from "./limits.ts";

describe("several limits", () => {
  test("a waiter held up by an inner limit passes the outer slot to the other stack", async () => {
    const shared = new Limit(1);
    const narrow = new Limit(1);
    const held = bench(shared, narrow);
    const other = bench(shared);
    shared.take();
    narrow.take();
    void held.come("held up");
    void other.come("could go");
    await settled();
    shared.giveBack();
    await settled();
    expect(other.through()).toEqual(["could go"]);
    narrow.giveBack();
    await settled();
    expect(held.through()).toEqual([]);
    await other.answer(0);
    expect(held.through()).toEqual(["held up"]);
  });

  // Defect: each went to the end of the other's queue and woke the next waiter there, forever in
  // one tick.
  test("two waiters woken at once in an outer and an inner queue do not block each other", async () => {
    const outer = new Limit(2);
    const inner = new Limit(2);
    const { come, through } = bench(outer, inner);
    for (const limit of [inner, inner]) limit.take();
    void come("a");
    void come("b");
    await settled();
    for (const limit of [outer, outer]) limit.take();
    void come("c");
    await settled();
    inner.giveBack();
    outer.giveBack();
    await settled();
    expect(through()).toEqual(["a"]);
  });

  test("a waiter keeps its rank from queue to queue", async () => {
    const outer = new Limit(1);
    const inner = new Limit(1);
    const { come, through, answer } = bench(outer, inner);
    inner.take();
    void come("first");
    await settled();
    outer.take();
    void come("second");
    await settled();
    // The first waiter is woken in the inner queue and finds a queue in the outer one.
    inner.giveBack();
    await settled();
    outer.giveBack();
    await settled();
    await answer(0);
    expect(through()).toEqual(["first", "second"]);
  });
});

describe("anyReady", () => {
  function two() {
    const limits = [new Limit(1), new Limit(1)] as const;
    return { limits, services: limits.map((limit) => bench(limit).stack) };
  }

  test("is ready as soon as one service is, and gives up the other places", () => {
    const { limits, services } = two();
    limits[0].take();
    expect(anyReady(services)).toBeUndefined();
    expect(limits[0].waiting.size).toBe(0);
  });

  test("wakes when any service becomes ready, and gives up the other places", async () => {
    const { limits, services } = two();
    for (const limit of limits) limit.take();
    let done = false;
    void whenReady({ ready: () => anyReady(services) }, () => (done = true));
    await settled();
    expect(limits.map((limit) => limit.waiting.size)).toEqual([1, 1]);
    limits[1].giveBack();
    await settled();
    expect(done).toBe(true);
    expect(limits.map((limit) => limit.waiting.size)).toEqual([0, 0]);
  });

  test("gives up every place when the waiter leaves", async () => {
    const { limits, services } = two();
    for (const limit of limits) limit.take();
    const leaving = new AbortController();
    void whenReady({ ready: () => anyReady(services) }, () => undefined, leaving.signal);
    await settled();
    leaving.abort();
    await settled();
    expect(limits.map((limit) => limit.waiting.size)).toEqual([0, 0]);
  });

  test("passes on a wake-up that it did not use", async () => {
    const { limits, services } = two();
    for (const limit of limits) limit.take();
    let next = false;
    void whenReady({ ready: () => anyReady(services) }, () => undefined);
    void whenReady({ ready: () => limits[1].waiting.ready() }, () => (next = true));
    await settled();
    for (const limit of limits) limit.giveBack();
    await settled();
    expect(next).toBe(true);
  });

  // Defect: the place that was not woken took back the turn of the one that was, forever in one
  // tick.
  test("a waiter that is twice in one queue gets its turn", async () => {
    const shared = new Limit(1);
    const services = [bench(shared).stack, bench(shared).stack];
    shared.take();
    let done = false;
    void whenReady({ ready: () => anyReady(services) }, () => (done = true));
    await settled();
    shared.giveBack();
    await settled();
    expect(done).toBe(true);
    expect(shared.waiting.size).toBe(0);
  });

  test("is never ready without services", async () => {
    let woken = false;
    void anyReady([])?.then(() => (woken = true));
    await settled();
    expect(anyReady([])).toBeInstanceOf(Promise);
    expect(woken).toBe(false);
  });
});
