import { getEventListeners } from "node:events";
import { type Either, left, refine, right, service } from "@pagoda/core";
import { conformance, mockService, settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

interface Named {
  readonly user: string;
}

/** Checks that the test settles, in a later tick. */
function bench() {
  const clock = virtualClock();
  const mock = mockService<string & Named, string>();
  const asked: ((answer: Either<"denied", string & Named>) => void)[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const layered = refine(
    (_request: string, signal) => {
      signals.push(signal);
      return new Promise<Either<"denied", string & Named>>((resolve) => asked.push(resolve));
    },
    { clock },
  )(mock.service);
  return { clock, mock, asked, signals, layered };
}

const ann = Object.assign("request", { user: "Ann" });

describe("refine", () => {
  conformance(test, ({ clock }) => refine(async (request: string) => right(request), { clock }));

  test("calls inner with the result of the check", async () => {
    const { mock, asked, layered } = bench();
    const result = layered.call("request");
    await mock.expectNoCall();
    asked[0]?.(right(ann));
    const call = await mock.next();
    expect(call.request).toBe(ann);
    call.answer("done");
    expect(await result).toEqual(right("done"));
  });

  test("refuses with the error of the check without calling inner", async () => {
    const { mock, asked, layered } = bench();
    const result = layered.call("request");
    asked[0]?.(left("denied"));
    expect(await result).toEqual(left("denied"));
    await mock.expectNoCall();
  });

  test("passes the signal to the check and ends in the tick of the caller's abort", async () => {
    const { mock, asked, signals, layered } = bench();
    const leaving = new AbortController();
    const result = layered.call("request", leaving.signal);
    expect(signals).toEqual([leaving.signal]);
    leaving.abort("enough");
    expect(await result).toMatchObject(left({ _tag: "Aborted", cause: "enough" }));
    expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
    asked[0]?.(right(ann));
    await mock.expectNoCall();
  });

  test("does not run the check for an aborted caller", async () => {
    const { asked, layered } = bench();
    expect(await layered.call("request", AbortSignal.abort())).toMatchObject(left({ _tag: "Aborted" }));
    expect(asked).toEqual([]);
  });

  test("waits for inner if it is no longer ready after the check", async () => {
    const { clock, mock, asked, layered } = bench();
    const result = layered.call("request");
    mock.admit(0);
    asked[0]?.(right(ann));
    await mock.expectNoCall();
    mock.admit(1);
    (await mock.next()).answer("done");
    expect(await result).toEqual(right("done"));
    expect([mock.uninvited, clock.pending]).toEqual([0, 0]);
  });

  test("waits at most 3 s for inner, then returns its refusal", async () => {
    const clock = virtualClock();
    const open = service("open", async (_text: string) => left("open"), {
      ready: () => new Promise(() => {}),
    });
    const result = refine(async (text: string) => right(text), { clock })(open).call("request");
    let over = false;
    void result.then(() => (over = true));
    await clock.advance(2_999);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left("open"));
  });

  test("an error thrown by the check, synchronously or later, is a defect", async () => {
    const leaf = service("leaf", async (_text: string) => right(1));
    const defect = new Error("a defect");
    const later = refine(async (_text: string): Promise<Either<never, string>> => Promise.reject(defect))(
      leaf,
    );
    const { signal } = new AbortController();
    await expect(later.call("a", signal)).rejects.toBe(defect);
    const atOnce = refine((_text: string): Promise<Either<never, string>> => {
      throw defect;
    })(leaf);
    await expect(atOnce.call("a", signal)).rejects.toBe(defect);
    await settled();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("refuses a maxWaitMs that timers do not support", () => {
    expect(() => refine(async (text: string) => right(text), { maxWaitMs: -1 })).toThrow(
      new RangeError("refine: maxWaitMs must be a number from 0 to 2147483647 (got -1)"),
    );
  });
});
