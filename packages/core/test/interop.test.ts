import {
  type Aborted,
  CallFailed,
  type Either,
  fromAsync,
  fromTaskEither,
  left,
  right,
  service,
  toAsync,
  toTaskEither,
} from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import * as TE from "fp-ts/lib/TaskEither.js";
import { describe, expect, expectTypeOf, test } from "vitest";

function half(n: number): TE.TaskEither<"odd", number> {
  return n % 2 === 0 ? TE.right(n / 2) : TE.left("odd");
}

/** Never ready, like an open circuit: a call is refused. */
function notReady() {
  return service("not ready", async (_text: string): Promise<Either<string, string>> => left("not ready"), {
    ready: () => new Promise(() => {}),
  });
}

describe("fromTaskEither", () => {
  test("runs the task for each call", async () => {
    const halving = fromTaskEither("half", half);
    expect(await halving.call(4)).toEqual(right(2));
    expect(await halving.call(3)).toEqual(left("odd"));
    expect(halving.describe()).toEqual({ name: "half" });
  });

  test("passes the signal to the task", async () => {
    const { signal } = new AbortController();
    const echo = fromTaskEither("echo", (_text: string, got?: AbortSignal) => TE.right(got));
    expect(await echo.call("a", signal)).toEqual(right(signal));
  });

  // Defect: it was thrown at the caller, which had set a timer and never cleared it.
  test("rejects when the function throws", async () => {
    const mistaken = fromTaskEither("mistaken", (_text: string): TE.TaskEither<never, never> => {
      throw new Error("a defect");
    });
    await expect(mistaken.call("a")).rejects.toThrow("a defect");
  });
});

describe("toTaskEither", () => {
  test("returns the service's result", async () => {
    const run = toTaskEither(fromTaskEither("half", half));
    expect(await run(4)()).toEqual(right(2));
    expect(await run(3)()).toEqual(left("odd"));
    expectTypeOf(run(4)).toEqualTypeOf<TE.TaskEither<"odd" | Aborted, number>>();
  });

  test("calls each time the task is run, and not before", async () => {
    const mock = mockService<string, string>();
    const task = toTaskEither(mock.service)("a");
    await mock.expectNoCall();
    void task();
    void task();
    expect((await mock.next()).request).toBe("a");
    expect((await mock.next()).request).toBe("a");
  });

  test("waits up to maxWaitMs for readiness", async () => {
    const mock = mockService<string, string>();
    const clock = virtualClock();
    mock.admit(0);
    const result = toTaskEither(mock.service, { maxWaitMs: 100, clock })("a")();
    await clock.advance(99);
    await mock.expectNoCall();
    mock.admit(1);
    (await mock.next()).answer("b");
    expect(await result).toEqual(right("b"));
    expect(clock.pending).toBe(0);
  });

  // Defect: it waited, outside of every timeout, as long as a circuit was open.
  test("without maxWaitMs, calls a service that is not ready at once, which refuses", async () => {
    const refusing = notReady();
    expect(await toTaskEither(refusing)("a")()).toEqual(left("not ready"));
  });

  test("returns Aborted when the signal is aborted before the service is ready", async () => {
    const mock = mockService<string, string>();
    mock.admit(0);
    const leaving = new AbortController();
    const clock = virtualClock();
    const result = toTaskEither(mock.service, { maxWaitMs: 100, clock })("a", leaving.signal)();
    leaving.abort("enough");
    expect(await result).toMatchObject(left({ _tag: "Aborted", cause: "enough" }));
    await mock.expectNoCall();
    expect(clock.pending).toBe(0);
  });
});

describe("fromAsync", () => {
  test("converts a thrown error to a value", async () => {
    const parse = fromAsync("parse", async (text: string) => JSON.parse(text) as unknown, String);
    expect(await parse.call("[1]")).toEqual(right([1]));
    expect(await parse.call("[")).toEqual(left(expect.stringContaining("SyntaxError")));
    expect(parse.describe()).toEqual({ name: "parse" });
  });

  test("converts an error thrown before the first await, too", async () => {
    const early = fromAsync(
      "early",
      (_text: string): Promise<never> => {
        throw new Error("at once");
      },
      String,
    );
    expect(await early.call("a")).toEqual(left("Error: at once"));
  });

  test("an error rethrown by onThrow is a defect", async () => {
    const defect = new Error("a defect");
    const failing = fromAsync(
      "failing",
      () => Promise.reject(defect),
      (thrown): never => {
        throw thrown;
      },
    );
    await expect(failing.call("a")).rejects.toBe(defect);
  });

  test("passes the signal on", async () => {
    const { signal } = new AbortController();
    const echo = fromAsync("echo", async (_text: string, got?: AbortSignal) => got, String);
    expect(await echo.call("a", signal)).toEqual(right(signal));
  });
});

describe("toAsync", () => {
  const failing = (error: unknown) =>
    toAsync(service("failing", async (_text: string): Promise<Either<unknown, string>> => left(error)));

  test("returns the response", async () => {
    expect(await toAsync(service("double", async (n: number) => right(n * 2)))(2)).toBe(4);
  });

  test("throws CallFailed with the fault as cause and its description as message", async () => {
    const fault = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: 100 };
    const thrown = await failing(fault)("a").catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(CallFailed);
    expect(thrown).toMatchObject({ name: "CallFailed", message: "timed out (afterMs 100)", cause: fault });
  });

  test.each([
    ["odd", '"odd"'],
    [undefined, "undefined"],
    [null, "null"],
    [{ _tag: 5 }, '{"_tag":5}'],
  ])("has a message for an error without a tag: %j", async (cause, shown) => {
    const thrown = await failing(cause)("a").catch((each: unknown) => each);
    expect(thrown).toMatchObject({ message: `the service answered with ${shown}`, cause });
  });

  test("waits up to maxWaitMs for readiness", async () => {
    const mock = mockService<string, string>();
    mock.admit(0);
    const result = toAsync(mock.service, { maxWaitMs: 100, clock: virtualClock() })("a");
    await mock.expectNoCall();
    mock.admit(1);
    (await mock.next()).answer("b");
    expect(await result).toBe("b");
  });

  // Defect: it waited, outside of every timeout, as long as a circuit was open.
  test("without maxWaitMs, calls a service that is not ready at once, which refuses", async () => {
    await expect(toAsync(notReady())("a")).rejects.toMatchObject({ cause: "not ready" });
  });

  test("calls a service that has not become ready in time, which refuses the call", async () => {
    const clock = virtualClock();
    const thrown = toAsync(notReady(), { maxWaitMs: 100, clock })("a").catch((error: unknown) => error);
    let over = false;
    void thrown.then(() => (over = true));
    await clock.advance(99);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await thrown).toMatchObject({ name: "CallFailed", cause: "not ready" });
  });

  test.each([-1, NaN, 2 ** 31, Infinity])("refuses maxWaitMs %s", (maxWaitMs) => {
    const message = `maxWaitMs must be a number from 0 to 2147483647 (got ${maxWaitMs})`;
    expect(() => toAsync(notReady(), { maxWaitMs })).toThrow(new RangeError(`toAsync: ${message}`));
    expect(() => toTaskEither(notReady(), { maxWaitMs })).toThrow(new RangeError(`toTaskEither: ${message}`));
  });
});
