import { deadlineOf, right, WaitList } from "@pagoda/core";
import { type HttpResponse, httpResponse } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { bench, down, get, shadowThat, Source } from "./bench.ts";

function answerWith(body: Source): HttpResponse {
  return { ...httpResponse(200), body };
}

describe("a failing shadow", () => {
  const thrown = new Error("thrown");
  test.each([
    [
      "throws",
      () => {
        throw thrown;
      },
    ],
    ["rejects", () => Promise.reject(thrown)],
    ["returns no promise", () => undefined],
    ["returns an invalid response", async () => right({ status: 200 })],
  ])("that %s is reported, and the call continues", async (_how, call) => {
    const { layered, real, events, state } = bench({ to: shadowThat(call as never) });
    const result = layered.call(get);
    (await real.next()).answer(httpResponse(200));
    expect(await result).toMatchObject(right({ status: 200 }));
    expect(events.at(-1)).toMatchObject(["failed", expect.any(Error), 0, false]);
    expect(state()).toMatchObject({ inFlight: 0, failed: 1, timedOut: 0, defects: 0 });
  });

  test("is reported with its typed error", async () => {
    const { layered, shadow, events, clock, state } = bench();
    void layered.call(get);
    await clock.advance(5);
    (await shadow.next()).fail(down);
    await settled();
    expect(events).toEqual(["sent", ["failed", down, 5, false]]);
    expect(state()).toMatchObject({ inFlight: 0, failed: 1, answered: 0 });
    expect(clock.pending).toBe(0);
  });

  test.each(["sent", "answered", "failed", "skipped"])(
    "an observer that throws in %s changes nothing",
    async (event) => {
      const observer = {
        [event]: () => {
          throw new Error("a defect");
        },
      };
      const { layered, shadow, real, state } = bench({ observer, maxInFlight: 2 });
      const results = [1, 2, 3].map(() => layered.call(get));
      (await shadow.next()).answer(httpResponse(200));
      (await shadow.next()).fail(down);
      for (const call of real.calls) call.answer(httpResponse(200));
      for (const result of results) expect(await result).toMatchObject(right({ status: 200 }));
      expect(state()).toMatchObject({
        inFlight: 0,
        answered: 1,
        failed: 1,
        defects: event === "sent" ? 2 : 1,
      });
    },
  );

  test("a throwing select mirrors nothing and is counted", async () => {
    const { layered, real, shadow, state } = bench({
      select: () => {
        throw new Error("a defect");
      },
    });
    void layered.call(get);
    await real.next();
    await shadow.expectNoCall();
    expect(state()["defects"]).toBe(1);
  });
});

describe("a shadow that is not ready", () => {
  test("is not called and does not make the layer wait", async () => {
    const { layered, shadow, real, skipped, events } = bench();
    shadow.admit(0);
    expect(layered.ready()).toBeUndefined();
    void layered.call(get);
    await real.next();
    await shadow.expectNoCall();
    expect([skipped(), events]).toEqual([{ "not-ready": 1 }, [["skipped", "not-ready"]]]);
    expect(shadow.uninvited).toBe(0);
    shadow.admit(1);
    void layered.call(get);
    await shadow.next();
  });

  test("keeps no waiter in its queue", async () => {
    const waiting = new WaitList(() => false);
    const { layered, real, skipped } = bench({
      to: shadowThat(
        async () => right(httpResponse(200)),
        () => waiting.ready(),
      ),
    });
    void layered.call(get);
    await real.next();
    expect([skipped(), waiting.size]).toEqual([{ "not-ready": 1 }, 0]);
  });

  test("because its readiness throws is not called", async () => {
    const ready = () => {
      throw new Error("a defect");
    };
    const { layered, real, skipped, state } = bench({
      to: shadowThat(async () => right(httpResponse(200)), ready),
    });
    void layered.call(get);
    await real.next();
    expect([skipped(), state()["defects"]]).toEqual([{ "not-ready": 1 }, 1]);
  });
});

describe("a slow shadow", () => {
  test("is limited by maxInFlight; further calls are skipped", async () => {
    const { layered, shadow, skipped, events } = bench({ maxInFlight: 2 });
    for (let n = 0; n < 3; n++) void layered.call(get);
    await settled();
    expect([shadow.calls.length, skipped(), events.at(-1)]).toEqual([
      2,
      { "in-flight": 1 },
      ["skipped", "in-flight"],
    ]);
    shadow.calls[0]?.answer(httpResponse(200));
    await settled();
    void layered.call(get);
    await settled();
    expect(shadow.calls).toHaveLength(3);
  });

  test("is aborted at its deadline, which it can see", async () => {
    const { layered, shadow, clock, events, state } = bench({ timeoutMs: 100 });
    await clock.advance(50);
    void layered.call(get);
    const { signal } = await shadow.next();
    expect(deadlineOf(signal)).toBe(150);
    await clock.advance(99);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.reason).toMatchObject({ message: "shadow call did not end within 100 ms" });
    expect(events).toEqual(["sent", ["failed", expect.objectContaining({ _tag: "Aborted" }), 100, true]]);
    expect(state()).toMatchObject({ inFlight: 0, failed: 1, timedOut: 1 });
    expect(clock.pending).toBe(0);
  });

  test("that ignores its abort stays in flight", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof right<HttpResponse>>>();
    const body = new Source();
    let calls = 0;
    const to = shadowThat(() => (calls++, promise as never));
    const { layered, clock, skipped, state } = bench({ to, maxInFlight: 1, timeoutMs: 100 });
    void layered.call(get);
    await clock.advance(200);
    void layered.call(get);
    await settled();
    expect([calls, skipped(), state()["inFlight"]]).toEqual([1, { "in-flight": 1 }, 1]);
    resolve(right(answerWith(body)));
    await settled();
    expect([body.events.length, state()]).toMatchObject([1, { inFlight: 0, answered: 0, timedOut: 1 }]);
  });

  test("is not aborted with the caller", async () => {
    const { layered, shadow, real } = bench();
    const leaving = new AbortController();
    const aborted = layered.call(get, leaving.signal);
    const first = await shadow.next();
    leaving.abort();
    await aborted;
    expect([first.signal?.aborted, real.calls[0]?.signal?.aborted]).toEqual([false, true]);
    expect(first.signal).not.toBe(leaving.signal);
  });
});

describe("a shadow's response", () => {
  test("is read to its end and stays in flight until then", async () => {
    const { layered, shadow, state, clock } = bench();
    void layered.call(get);
    const body = new Source();
    (await shadow.next()).answer(answerWith(body));
    await settled();
    expect(body.give("a".repeat(65_536))).toBe(true);
    expect(state()["inFlight"]).toBe(1);
    body.all();
    expect([body.events, state()["inFlight"], clock.pending]).toEqual([[], 0, 0]);
  });

  test.each([
    ["longer than the limit is cancelled", new Source(), 11],
    ["declared longer than the limit is not read", new Source(11), 0],
  ])("%s", async (_how, body, bytes) => {
    const { layered, shadow, state, clock } = bench({ maxResponseBytes: 10 });
    void layered.call(get);
    (await shadow.next()).answer(answerWith(body));
    await settled();
    if (bytes > 0) body.give("a".repeat(bytes));
    expect(body.events).toEqual(["stop undefined"]);
    expect([state()["inFlight"], state()["answered"], clock.pending]).toEqual([0, 1, 0]);
  });

  test("available at once and too long is cancelled", async () => {
    const { layered, shadow, state } = bench({ maxResponseBytes: 10 });
    void layered.call(get);
    const body = new Source();
    body.give("a".repeat(11));
    (await shadow.next()).answer(answerWith(body));
    await settled();
    expect([body.events, state()["inFlight"]]).toEqual([["stop undefined"], 0]);
  });

  test("that breaks off is over", async () => {
    const { layered, shadow, state } = bench();
    void layered.call(get);
    const body = new Source();
    (await shadow.next()).answer(answerWith(body));
    await settled();
    body.break();
    expect(state()).toMatchObject({ inFlight: 0, answered: 1, failed: 0 });
  });

  test("that does not end is cancelled after timeoutMs", async () => {
    const { layered, shadow, state, clock } = bench({ timeoutMs: 100 });
    void layered.call(get);
    const body = new Source();
    (await shadow.next()).answer(answerWith(body));
    await clock.advance(100);
    expect([body.events, state()["inFlight"], clock.pending]).toEqual([["stop undefined"], 0, 0]);
  });
});
