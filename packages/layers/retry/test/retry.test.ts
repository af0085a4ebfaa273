import { budget, idempotent, left, once, right } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { retry, type RetryOptions } from "@pagoda/retry";
import { bench, failed, final, request, until } from "./bench.ts";

describe("retry", () => {
  conformance(test, ({ clock, random }) => retry({ clock, random }), { request });

  test("retries a failed call after a wait", async () => {
    const { clock, mock, events, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    await clock.advance(99);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).answer("ok");
    expect(await result).toEqual(right("ok"));
    expect(events).toEqual([
      ["retried", 2, 100],
      ["recovered", 2],
    ]);
  });

  test("tells its observer which of how many attempts it is and what the budget has left", async () => {
    const seen: unknown[] = [];
    const { clock, mock, layered } = bench({
      attempts: 5,
      budget: budget({ ratio: 0, minPerSecond: 0.3 }),
      observer: { retried: (event) => seen.push(event) },
    });
    void layered.call(request());
    for (let n = 0; n < 3; n++) {
      (await mock.next()).fail(failed);
      await clock.advance(100);
    }
    expect(seen).toEqual([
      { attempt: 2, attempts: 5, waitedMs: 100, budgetLeft: 2 },
      { attempt: 3, attempts: 5, waitedMs: 100, budgetLeft: 1 },
      { attempt: 4, attempts: 5, waitedMs: 100, budgetLeft: 0 },
    ]);
  });

  test("retries with the same request and the caller's signal", async () => {
    const { clock, mock, layered } = bench();
    const one = request();
    const { signal } = new AbortController();
    void layered.call(one, signal);
    const first = await mock.next();
    first.fail(failed);
    await clock.advance(100);
    const second = await mock.next();
    expect([first.request, second.request]).toEqual([one, one]);
    expect([first.signal, second.signal]).toEqual([signal, signal]);
    second.answer("ok");
  });

  test("returns the last error when all attempts fail", async () => {
    const { clock, mock, events, layered } = bench({ attempts: 3 });
    const result = layered.call(request());
    for (let tried = 1; tried <= 3; tried++) {
      (await mock.next()).fail({ ...failed, cause: tried });
      await clock.advance(100);
    }
    expect(await result).toEqual(left({ ...failed, cause: 3 }));
    expect(events.at(-1)).toEqual(["gaveUp", "attempts", 3]);
    await mock.expectNoCall();
  });

  test("retries a call that was never processed, whatever its request allows", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request(once));
    (await mock.next()).fail({ ...failed, processed: false });
    await clock.advance(100);
    (await mock.next()).fail(failed);
    expect(await result).toEqual(left(failed));
    await mock.expectNoCall();
  });

  test("does not retry a final error", async () => {
    const { mock, events, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(final);
    expect(await result).toEqual(left(final));
    expect(events).toEqual([]);
  });

  test("ends with a final error of a later attempt", async () => {
    const { clock, mock, events, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).fail(final);
    expect(await result).toEqual(left(final));
    expect(events).toEqual([["retried", 2, 100]]);
  });

  test("a throw in a later attempt rejects", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request());
    const thrown = result.catch((defect: unknown) => defect);
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).reject(new Error("a mistake"));
    expect(await thrown).toEqual(new Error("a mistake"));
  });

  describe("does not retry", () => {
    async function once(options: RetryOptions, replay = idempotent, signal?: AbortSignal) {
      const { clock, mock, events, layered } = bench(options);
      const result = layered.call(request(replay), signal);
      (await mock.next()).fail(failed);
      await clock.advance(1_000);
      expect(await result).toEqual(left(failed));
      await mock.expectNoCall();
      return events;
    }

    test("with one attempt", async () => {
      expect(await once({ attempts: 1 })).toEqual([["gaveUp", "attempts", 1]]);
    });

    test("a request that cannot be repeated", async () => {
      const replay = { ...idempotent, canRepeat: () => false };
      expect(await once({}, replay)).toEqual([["gaveUp", "notReplayable", 1]]);
    });

    test("a request that can no longer be repeated after the wait", async () => {
      let asked = 0;
      const replay = { ...idempotent, canRepeat: () => ++asked === 1 };
      expect(await once({}, replay)).toEqual([["gaveUp", "notReplayable", 1]]);
    });

    test("without a budget", async () => {
      expect(await once({ budget: budget({ ratio: 0, minPerSecond: 0 }) })).toEqual([
        ["gaveUp", "budget", 1],
      ]);
    });

    test("past the deadline", async () => {
      expect(await once({}, idempotent, until(100))).toEqual([["gaveUp", "deadline", 1]]);
    });
  });

  test("retries up to the deadline", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request(), until(101));
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).answer("ok");
    expect(await result).toEqual(right("ok"));
  });

  test("withdraws nothing from the budget without a retry", async () => {
    const own = budget({ ratio: 0, minPerSecond: 1 });
    const { mock, layered } = bench({ budget: own, attempts: 1 });
    void layered.call(request());
    (await mock.next()).fail(failed);
    await settled();
    expect(own.left).toBe(10);
  });

  test("does not call inner if it is not ready after the wait", async () => {
    const { clock, mock, events, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    mock.admit(0);
    await clock.advance(100);
    expect(await result).toEqual(left(failed));
    expect(events).toEqual([["gaveUp", "notReady", 1]]);
    expect(mock.uninvited).toBe(0);
  });

  test("an abort during the wait ends the call without another attempt", async () => {
    const { clock, mock, layered } = bench();
    const controller = new AbortController();
    const result = layered.call(request(), controller.signal);
    (await mock.next()).fail(failed);
    await clock.advance(50);
    controller.abort(new Error("gone"));
    expect(await result).toMatchObject(left({ _tag: "Aborted", cause: { message: "gone" } }));
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    await mock.expectNoCall();
  });

  test("an aborted call withdraws nothing from the budget", async () => {
    const own = budget({ ratio: 0, minPerSecond: 1 });
    const { mock, layered } = bench({ budget: own });
    const controller = new AbortController();
    const result = layered.call(request(), controller.signal);
    (await mock.next()).fail(failed);
    controller.abort();
    expect(await result).toEqual(left(failed));
    expect(own.left).toBe(10);
  });

  test("passes retry number and previous wait to the backoff", async () => {
    const asked: number[][] = [];
    const waitMs = (retry: number, previousMs: number) => {
      asked.push([retry, previousMs]);
      return 10 * retry;
    };
    const { clock, mock, layered } = bench({ attempts: 3, backoff: { name: "asked", options: {}, waitMs } });
    void layered.call(request());
    for (const wait of [10, 20, 0]) {
      (await mock.next()).fail(failed);
      await clock.advance(wait);
    }
    expect(asked.slice(0, 2)).toEqual([
      [1, 0],
      [2, 10],
    ]);
  });

  describe("retryAfterMs", () => {
    const asking = (retryAfterMs: number) => ({ ...failed, retryAfterMs });

    test.each([
      [200, 300],
      [0, 100],
    ])("of %d ms: waits %d ms, including the backoff", async (retryAfterMs, waitedMs) => {
      const { clock, mock, events, layered } = bench();
      void layered.call(request());
      (await mock.next()).fail(asking(retryAfterMs));
      await clock.advance(waitedMs);
      (await mock.next()).answer("ok");
      expect(events[0]).toEqual(["retried", 2, waitedMs]);
    });

    test("equal to the maximum is honored", async () => {
      const { clock, mock, events, layered } = bench({ maxRetryAfterMs: 1_000 });
      void layered.call(request());
      (await mock.next()).fail(asking(1_000));
      await clock.advance(1_100);
      (await mock.next()).answer("ok");
      expect(events[0]).toEqual(["retried", 2, 1_100]);
    });

    test("over the maximum ends the call", async () => {
      const { mock, events, layered } = bench({ maxRetryAfterMs: 1_000 });
      const result = layered.call(request());
      (await mock.next()).fail(asking(1_001));
      expect(await result).toEqual(left(asking(1_001)));
      expect(events).toEqual([["gaveUp", "retryAfter", 1]]);
    });
  });

  test("describes options and state", async () => {
    const { clock, mock, layered } = bench();
    void layered.call(request());
    (await mock.next()).fail(failed);
    await settled();
    expect(layered.describe()).toMatchObject({
      name: "retry",
      options: { attempts: 3, backoff: { name: "constant", ms: 100 }, maxRetryAfterMs: 5_000 },
      state: { budgetLeft: 100, waiting: 1, retries: 0 },
    });
    await clock.advance(100);
    expect(layered.describe().state).toEqual({ budgetLeft: 100, waiting: 0, retries: 1 });
    (await mock.next()).answer("ok");
  });

  test("turns a throw of inner into a rejection", async () => {
    const inner = {
      ...mockService<string, string>().service,
      call: () => {
        throw new Error("thrown");
      },
    };
    await expect(retry()(inner as never).call(request() as never)).rejects.toThrow("thrown");
  });

  test.each([
    [{ attempts: 0 }, "retry: attempts must be an integer from 1 to 100 (got 0)"],
    [{ attempts: 1.5 }, "retry: attempts must be an integer from 1 to 100 (got 1.5)"],
    [{ attempts: 101 }, "retry: attempts must be an integer from 1 to 100 (got 101)"],
    [{ maxRetryAfterMs: -1 }, "retry: maxRetryAfterMs must be a number from 0 to 2147483647 (got -1)"],
    // The platform's timers would fire at once.
    [
      { maxRetryAfterMs: 2 ** 31 },
      "retry: maxRetryAfterMs must be a number from 0 to 2147483647 (got 2147483648)",
    ],
  ])("rejects %j", (options, problem) => {
    expect(() => retry(options)).toThrow(problem);
  });
});
