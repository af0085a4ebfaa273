import { type Aborted, deadlineOf, left, right, Scope, SharedCall } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test, vi } from "vitest";

function bench(discard?: (response: string) => void) {
  const mock = mockService<string, string>();
  const onEnd = vi.fn<() => void>();
  const shared = new SharedCall<string, Aborted>(onEnd, discard);
  return { mock, onEnd, shared, start: () => shared.start((signal) => mock.service.call("", signal)) };
}

describe("SharedCall", () => {
  test("gives all callers the same result, and ends before they are told", async () => {
    const { mock, onEnd, shared, start } = bench();
    const first = shared.join(undefined);
    start();
    const second = shared.join(undefined).then((result) => [result, onEnd.mock.calls.length]);
    expect(shared.callers).toBe(2);
    (await mock.next()).answer("a");
    expect(await first).toEqual(right("a"));
    expect(await second).toEqual([await first, 1]);
  });

  test("a caller that aborts leaves the call to the others; the last one aborts it", async () => {
    const { mock, onEnd, shared, start } = bench();
    const controllers = [new AbortController(), new AbortController()] as const;
    const results = controllers.map(({ signal }) => shared.join(signal));
    start();
    const { signal } = await mock.next();
    controllers[0].abort("first");
    expect([await results[0], signal?.aborted, onEnd.mock.calls.length]).toMatchObject([
      left({ _tag: "Aborted", cause: "first" }),
      false,
      0,
    ]);
    controllers[1].abort("last");
    expect([signal?.reason, onEnd.mock.calls.length]).toEqual(["last", 1]);
  });

  test("discards a response that comes after all callers have left", async () => {
    const discarded: string[] = [];
    const shared = new SharedCall<string, never>(
      () => {},
      (response) => void discarded.push(response),
    );
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof right<never, string>>>();
    const controller = new AbortController();
    void shared.join(controller.signal);
    shared.start(() => promise);
    controller.abort();
    resolve(right("late"));
    await settled();
    expect(discarded).toEqual(["late"]);
  });

  test("its deadline is the latest of its callers', and none is later than any", async () => {
    const { mock, shared, start } = bench();
    const scopes = [10, 30, 20, undefined].map((deadline) => {
      const scope = new Scope(undefined);
      scope.deadline = deadline;
      return scope;
    });
    const seen: (number | undefined)[] = [];
    for (const [index, { signal }] of scopes.entries()) {
      void shared.join(signal);
      if (index === 0) start();
      seen.push(deadlineOf((mock.calls[0] as (typeof mock.calls)[number]).signal));
    }
    expect(seen).toEqual([10, 30, 30, undefined]);
  });
});
