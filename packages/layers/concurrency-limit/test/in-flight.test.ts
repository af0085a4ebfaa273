import { isLeft, oneshot, right, whenReady } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aimd, concurrencyLimit, inFlight } from "@pagoda/concurrency-limit";

describe("layers that share inFlight", () => {
  test("admit as many calls together as one alone", async () => {
    const shared = inFlight();
    const mock = mockService<string, number>();
    const former = concurrencyLimit({ limit: 2, inFlight: shared })(mock.service);
    const next = concurrencyLimit({ limit: 2, inFlight: shared })(mock.service);
    const first = former.call("a");
    void next.call("b");
    expect(isLeft(await next.call("c"))).toBe(true);
    (await mock.next()).answer(1);
    expect(await first).toEqual(right(1));
    expect(next.ready()).toBeUndefined();
    expect(next.describe().state).toMatchObject({ inFlight: 1 });
  });

  test("each keep their own limit", async () => {
    const shared = inFlight();
    const mock = mockService<string, number>();
    const former = concurrencyLimit({ limit: 5, inFlight: shared })(mock.service);
    const next = concurrencyLimit({ limit: 2, inFlight: shared })(mock.service);
    for (const call of ["a", "b", "c"]) void former.call(call);
    expect(await next.call("d")).toMatchObject({ left: { _tag: "ConcurrencyLimited", limit: 2 } });
    expect(former.ready()).toBeUndefined();
  });

  test("share the adaptive state, unless the algorithm differs", async () => {
    const clock = virtualClock();
    const shared = inFlight();
    const mock = mockService<string, number>();
    const limitOf = (initial: number) =>
      concurrencyLimit({ limit: aimd({ initial, windowMs: 1 }), inFlight: shared, clock })(mock.service);
    const former = limitOf(10);
    const calls = Array.from({ length: 10 }, () => former.call("a"));
    for (const _ of calls) {
      const call = await mock.next();
      await clock.advance(1);
      call.answer(1);
    }
    await Promise.all(calls);
    const adapted = former.describe().state?.["limit"];
    expect(adapted).not.toBe(10);
    expect(limitOf(10).describe().state).toMatchObject({ limit: adapted });
    expect(limitOf(7).describe().state).toMatchObject({ limit: 7 });
  });

  test("wake callers waiting in any of them, whichever frees the slot", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ layer: fc.boolean(), aborts: fc.boolean() }), { minLength: 1, maxLength: 12 }),
        async (callers) => {
          const shared = inFlight();
          const mock = mockService<string, number>();
          const former = concurrencyLimit({ limit: 1, inFlight: shared })(mock.service);
          const next = concurrencyLimit({ limit: 1, inFlight: shared })(mock.service);
          const first = former.call("first");
          const held = await mock.next();
          const waiting = callers.map(({ layer, aborts }, n) => {
            const controller = new AbortController();
            const answer = oneshot(layer ? former : next, String(n), controller.signal);
            if (aborts) controller.abort();
            return { aborts, answer };
          });
          held.answer(0);
          await first;
          for (const { aborts } of waiting) if (!aborts) (await mock.next()).answer(1);
          for (const { aborts, answer } of waiting) expect(isLeft(await answer)).toBe(aborts);
          expect(next.describe().state).toMatchObject({ inFlight: 0, waiting: 0 });
        },
      ),
    );
  });

  test("keep no layer without waiting callers", async () => {
    const shared = inFlight();
    const mock = mockService<string, number>();
    const one = concurrencyLimit({ limit: 1, inFlight: shared })(mock.service);
    void one.call("a");
    const controller = new AbortController();
    const waits = whenReady(one, () => {}, controller.signal);
    expect(shared.waiting.size).toBe(1);
    controller.abort();
    await settled();
    await waits;
    expect(shared.waiting.size).toBe(0);
  });
});
