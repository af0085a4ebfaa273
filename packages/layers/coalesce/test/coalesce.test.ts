import { getEventListeners } from "node:events";
import { deadlineOf, type Fault, isReady, left, right, Scope, service } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { coalesce } from "@pagoda/coalesce";

interface Down extends Fault<"Down"> {}
const down: Down = { _tag: "Down", origin: "upstream", retryable: true };

/** A request is its own key; one that starts with `_` has none. */
function bench() {
  const joined: string[] = [];
  const mock = mockService<string, { readonly value: number }, Down>();
  const layered = coalesce<string>({
    key: (request) => (request.startsWith("_") ? undefined : request),
    observer: { joined: (key) => joined.push(key) },
  })(mock.service);
  return { mock, layered, joined, state: () => layered.describe().state };
}

describe("coalesce", () => {
  describe("identical calls", () => {
    conformance(test, () => coalesce({ key: () => "same" }));
  });
  describe("different calls", () => {
    let calls = 0;
    conformance(test, () => coalesce({ key: () => `${calls++}` }));
  });
  describe("calls without a key", () => {
    conformance(test, () => coalesce({ key: () => undefined }));
  });

  test("merges identical calls while the first is in flight", async () => {
    const { mock, layered, joined, state } = bench();
    const results = [layered.call("a"), layered.call("a"), layered.call("b"), layered.call("a")];
    expect(mock.calls.map(({ request }) => request)).toEqual(["a", "b"]);
    expect(joined).toEqual(["a", "a"]);
    expect(state()).toEqual({ keys: 2, callers: 4 });
    mock.calls[0]?.answer({ value: 1 });
    mock.calls[1]?.answer({ value: 2 });
    const values = (await Promise.all(results)).map((each) => each._tag === "Right" && each.right.value);
    expect(values).toEqual([1, 1, 2, 1]);
    expect(state()).toEqual({ keys: 0, callers: 0 });
  });

  test("returns the same result object to all callers", async () => {
    const { mock, layered } = bench();
    const results = [layered.call("a"), layered.call("a")];
    (await mock.next()).answer({ value: 1 });
    const [first, second] = await Promise.all(results);
    expect(first).toBe(second);
  });

  test("does not cache: a call after the response is made", async () => {
    const { mock, layered, joined } = bench();
    void layered.call("a");
    (await mock.next()).answer({ value: 1 });
    await settled();
    const result = layered.call("a");
    (await mock.next()).answer({ value: 2 });
    expect(await result).toEqual(right({ value: 2 }));
    expect(joined).toEqual([]);
  });

  test("a failure reaches all callers", async () => {
    const { mock, layered } = bench();
    const results = [layered.call("a"), layered.call("a")];
    (await mock.next()).fail(down);
    expect(await Promise.all(results)).toEqual([left(down), left(down)]);
  });

  test("a defect reaches all callers, and the next call starts anew", async () => {
    const { mock, layered, state } = bench();
    const results = [layered.call("a"), layered.call("a")].map((each) =>
      each.catch((defect: unknown) => defect),
    );
    const defect = new Error("a defect");
    (await mock.next()).reject(defect);
    expect(await Promise.all(results)).toEqual([defect, defect]);
    expect(state()).toEqual({ keys: 0, callers: 0 });
    void layered.call("a");
    await mock.next();
  });

  test("makes calls without a key on their own, returning inner's promise", async () => {
    const answer = Promise.resolve(right(1));
    const layered = coalesce({ key: () => undefined })(service("leaf", () => answer));
    expect(layered.call("a")).toBe(answer);
    const { mock, layered: other, joined, state } = bench();
    void other.call("_a");
    void other.call("_a");
    expect([mock.calls.length, joined, state()]).toEqual([2, [], { keys: 0, callers: 0 }]);
  });

  test("a caller that aborts gets Aborted at once, and the others are unaffected", async () => {
    const { mock, layered, state } = bench();
    const leaving = new AbortController();
    const results = [layered.call("a", leaving.signal), layered.call("a", new AbortController().signal)];
    leaving.abort("enough");
    expect(await results[0]).toEqual(
      left({ _tag: "Aborted", origin: "local", retryable: false, cause: "enough" }),
    );
    expect(getEventListeners(leaving.signal, "abort")).toHaveLength(0);
    expect(state()).toEqual({ keys: 1, callers: 1 });
    const inner = await mock.next();
    expect(inner.signal?.aborted).toBe(false);
    inner.answer({ value: 1 });
    expect(await results[1]).toEqual(right({ value: 1 }));
  });

  test("aborts inner in the tick in which the last caller leaves", async () => {
    const { mock, layered, state } = bench();
    const callers = [new AbortController(), new AbortController()];
    for (const { signal } of callers) void layered.call("a", signal);
    const { signal } = await mock.next();
    callers[0]?.abort("first");
    expect(signal?.aborted).toBe(false);
    callers[1]?.abort("last");
    expect(signal?.reason).toBe("last");
    expect(state()).toEqual({ keys: 0, callers: 0 });
  });

  test("callers that share a signal leave together", async () => {
    const { mock, layered } = bench();
    const all = new AbortController();
    const results = [layered.call("a", all.signal), layered.call("a", all.signal)];
    all.abort();
    expect((await mock.next()).signal?.aborted).toBe(true);
    for (const result of await Promise.all(results)) expect(result).toMatchObject(left({ _tag: "Aborted" }));
  });

  test("a caller whose signal is already aborted neither makes nor joins a call", async () => {
    const { mock, layered, joined } = bench();
    expect(await layered.call("a", AbortSignal.abort())).toMatchObject(left({ _tag: "Aborted" }));
    await mock.expectNoCall();
    void layered.call("a");
    await layered.call("a", AbortSignal.abort());
    expect(joined).toEqual([]);
  });

  describe("after all callers have left and before inner settles", () => {
    /** Inner ignores its signal; the test answers. */
    async function abandoned() {
      const answers: ReturnType<typeof Promise.withResolvers<ReturnType<typeof right<string>>>>[] = [];
      const layered = coalesce({ key: () => "same" })(
        service("stubborn", () => {
          const answer = Promise.withResolvers<ReturnType<typeof right<string>>>();
          answers.push(answer);
          return answer.promise;
        }),
      );
      const leaving = new AbortController();
      const left = layered.call("a", leaving.signal);
      leaving.abort();
      await left;
      return { layered, answers, next: layered.call("a") };
    }

    test("the next call starts anew, and the old response does not end it", async () => {
      const { answers, next, layered } = await abandoned();
      expect(answers).toHaveLength(2);
      answers[0]?.resolve(right("old"));
      await settled();
      expect(layered.describe().state).toEqual({ keys: 1, callers: 1 });
      answers[1]?.resolve(right("new"));
      expect(await next).toEqual(right("new"));
    });

    test("a late defect is ignored", async () => {
      const { answers, next } = await abandoned();
      answers[0]?.reject(new Error("late"));
      await settled();
      answers[1]?.resolve(right("new"));
      expect(await next).toEqual(right("new"));
    });
  });

  test("the next call starts anew even in the tick of the abort", async () => {
    const inner = mockService<string, string>();
    const layered = coalesce({ key: () => "same" })(inner.service);
    const leaving = new AbortController();
    void layered.call("first", leaving.signal);
    (await inner.next()).signal?.addEventListener("abort", () => void layered.call("second"));
    leaving.abort();
    expect((await inner.next()).request).toBe("second");
  });

  test.each([
    [[100], 100],
    [[100, 300, 200], 300],
    [[100, undefined], undefined],
    [[undefined, 100], undefined],
    [[100, undefined, 300], undefined],
  ])("with callers whose deadlines are %j, inner sees %s", async (deadlines, seen) => {
    const { mock, layered } = bench();
    for (const deadline of deadlines) {
      const caller = new Scope(undefined);
      caller.deadline = deadline;
      void layered.call("a", caller.signal);
    }
    expect(deadlineOf((await mock.next()).signal)).toBe(seen);
  });

  test("is ready when inner is", () => {
    const { mock, layered } = bench();
    expect(isReady(layered)).toBe(true);
    mock.admit(0);
    expect(isReady(layered)).toBe(false);
  });

  test.each([
    ["an upgrade", { method: "GET", upgrade: "websocket" }],
    ["CONNECT", { method: "CONNECT" }],
  ])("never merges an HTTP request for a tunnel: %s", async (_, request) => {
    const mock = mockService<object, string>();
    const layered = coalesce<object>({ key: () => "same" })(mock.service);
    void layered.call({ method: "GET" });
    void layered.call(request);
    void layered.call(request);
    expect(mock.calls.map((call) => call.request)).toEqual([{ method: "GET" }, request, request]);
    expect(layered.describe().state).toEqual({ keys: 1, callers: 1 });
  });

  test.each([
    [{ upgrade: "first class" }],
    [{ method: "buy", upgrade: true }],
    [null],
    [undefined],
    ["CONNECT"],
  ])("does not mistake a request that is not HTTP for a tunnel: %j", async (request) => {
    const mock = mockService<unknown, string>();
    const layered = coalesce<unknown>({ key: () => "same" })(mock.service);
    void layered.call(request);
    void layered.call(request);
    expect(mock.calls.length).toBe(1);
  });

  const mistake = new Error("a mistake");
  const raise = (): never => {
    throw mistake;
  };

  test("rejects if key throws", async () => {
    const layered = coalesce({ key: raise })(mockService().service);
    await expect(layered.call("a")).rejects.toBe(mistake);
  });

  test.each(["same", undefined])("rejects if inner throws (key %s)", async (key) => {
    const layered = coalesce({ key: () => key })(service("throws", raise));
    await expect(layered.call("a")).rejects.toBe(mistake);
    expect(layered.describe().state).toEqual({ keys: 0, callers: 0 });
  });

  test("each service has its own calls", async () => {
    const layer = coalesce({ key: () => "same" });
    const [one, other] = [mockService<string, string>(), mockService<string, string>()];
    void layer(one.service).call("a");
    void layer(other.service).call("a");
    expect([one.calls.length, other.calls.length]).toEqual([1, 1]);
  });
});
