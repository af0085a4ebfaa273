import { budget, idempotent, once } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { left, right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { retry, type RetryOptions } from "@pagoda/retry";
import { bench, failed, final, request, until } from "./bench.ts";

describe("retry", () => {
  conformance(test, ({ clock, random }) => retry({ clock, random }), { request });

  test("makes a call again that failed, after a wait", async () => {
    const { clock, mock, told, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    await clock.advance(99);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).answer("ok");
    expect(await result).toEqual(right("ok"));
    expect(told).toEqual([
      ["retried", 2, 100],
      ["recovered", 2],
    ]);
  });

  test("makes it with the same request and the caller's signal", async () => {
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

  test("gives the last error when all tries fail", async () => {
    const { clock, mock, told, layered } = bench({ attempts: 3 });
    const result = layered.call(request());
    for (let tried = 1; tried <= 3; tried++) {
      (await mock.next()).fail({ ...failed, cause: tried });
      await clock.advance(100);
    }
    expect(await result).toEqual(left({ ...failed, cause: 3 }));
    expect(told.at(-1)).toEqual(["gaveUp", "attempts", 3]);
    await mock.expectNoCall();
  });

  test("makes a call again that was never processed, whatever the request says of itself", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request(once));
    (await mock.next()).fail({ ...failed, processed: false });
    await clock.advance(100);
    (await mock.next()).fail(failed);
    expect(await result).toEqual(left(failed));
    await mock.expectNoCall();
  });

  test("leaves alone what will not succeed", async () => {
    const { mock, told, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(final);
    expect(await result).toEqual(left(final));
    expect(told).toEqual([]);
  });

  test("ends with an error that a further try brings and none may cure", async () => {
    const { clock, mock, told, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).fail(final);
    expect(await result).toEqual(left(final));
    expect(told).toEqual([["retried", 2, 100]]);
  });

  test("a further try that breaks is a defect", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request());
    const thrown = result.catch((defect: unknown) => defect);
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).reject(new Error("a mistake"));
    expect(await thrown).toEqual(new Error("a mistake"));
  });

  describe("does not try again", () => {
    async function once(options: RetryOptions, replay = idempotent, signal?: AbortSignal) {
      const { clock, mock, told, layered } = bench(options);
      const result = layered.call(request(replay), signal);
      (await mock.next()).fail(failed);
      await clock.advance(1_000);
      expect(await result).toEqual(left(failed));
      await mock.expectNoCall();
      return told;
    }

    test("with one attempt", async () => {
      expect(await once({ attempts: 1 })).toEqual([["gaveUp", "attempts", 1]]);
    });

    test("a request that cannot be made again", async () => {
      const replay = { ...idempotent, canRepeat: () => false };
      expect(await once({}, replay)).toEqual([["gaveUp", "notReplayable", 1]]);
    });

    test("a request that cannot be made again any more when the wait is over", async () => {
      let asked = 0;
      const replay = { ...idempotent, canRepeat: () => ++asked === 1 };
      expect(await once({}, replay)).toEqual([["gaveUp", "notReplayable", 1]]);
    });

    test("without a budget", async () => {
      expect(await once({ budget: budget({ ratio: 0, minPerSecond: 0 }) })).toEqual([
        ["gaveUp", "budget", 1],
      ]);
    });

    test("what could not begin before the deadline", async () => {
      expect(await once({}, idempotent, until(100))).toEqual([["gaveUp", "deadline", 1]]);
    });
  });

  test("tries again what can begin before the deadline", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(request(), until(101));
    (await mock.next()).fail(failed);
    await clock.advance(100);
    (await mock.next()).answer("ok");
    expect(await result).toEqual(right("ok"));
  });

  test("takes nothing out of the budget for a try that something else speaks against", async () => {
    const own = budget({ ratio: 0, minPerSecond: 1 });
    const { mock, layered } = bench({ budget: own, attempts: 1 });
    void layered.call(request());
    (await mock.next()).fail(failed);
    await settled();
    expect(own.left).toBe(10);
  });

  test("does not call an inner that is not ready when the wait is over", async () => {
    const { clock, mock, told, layered } = bench();
    const result = layered.call(request());
    (await mock.next()).fail(failed);
    mock.admit(0);
    await clock.advance(100);
    expect(await result).toEqual(left(failed));
    expect(told).toEqual([["gaveUp", "notReady", 1]]);
    expect(mock.uninvited).toBe(0);
  });

  test("defect of others: an abort during the wait let one more try through", async () => {
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

  test("a call that failed as its caller left takes nothing out of the budget", async () => {
    const own = budget({ ratio: 0, minPerSecond: 1 });
    const { mock, layered } = bench({ budget: own });
    const controller = new AbortController();
    const result = layered.call(request(), controller.signal);
    (await mock.next()).fail(failed);
    controller.abort();
    expect(await result).toEqual(left(failed));
    expect(own.left).toBe(10);
  });

  test("tells the backoff which retry it is, and what was waited before", async () => {
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

  describe("what the upstream asks for", () => {
    const asking = (retryAfterMs: number) => ({ ...failed, retryAfterMs });

    test.each([
      [200, 300],
      [0, 100],
    ])(
      "%d ms: waits %d ms, lest all who were told the same come back as one",
      async (retryAfterMs, waitedMs) => {
        const { clock, mock, told, layered } = bench();
        void layered.call(request());
        (await mock.next()).fail(asking(retryAfterMs));
        await clock.advance(waitedMs);
        (await mock.next()).answer("ok");
        expect(told[0]).toEqual(["retried", 2, waitedMs]);
      },
    );

    test("a wait as long as the bound is waited for", async () => {
      const { clock, mock, told, layered } = bench({ maxRetryAfterMs: 1_000 });
      void layered.call(request());
      (await mock.next()).fail(asking(1_000));
      await clock.advance(1_100);
      (await mock.next()).answer("ok");
      expect(told[0]).toEqual(["retried", 2, 1_100]);
    });

    test("a wait over the bound is not waited for", async () => {
      const { mock, told, layered } = bench({ maxRetryAfterMs: 1_000 });
      const result = layered.call(request());
      (await mock.next()).fail(asking(1_001));
      expect(await result).toEqual(left(asking(1_001)));
      expect(told).toEqual([["gaveUp", "retryAfter", 1]]);
    });
  });

  test("describes itself", async () => {
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

  test("an inner that throws is a defect", async () => {
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
    // Timers of the platform would fire at once.
    [
      { maxRetryAfterMs: 2 ** 31 },
      "retry: maxRetryAfterMs must be a number from 0 to 2147483647 (got 2147483648)",
    ],
  ])("does not take %j", (options, problem) => {
    expect(() => retry(options)).toThrow(problem);
  });
});
