import { left, right } from "fp-ts/lib/Either.js";
import { conformance, mockService, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { timeout } from "@pagoda/timeout";

const timedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: 100 };

function bench(options: { readonly startWhen?: (request: string, start: () => void) => void } = {}) {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  return { clock, mock, layered: timeout({ ms: 100, clock, ...options })(mock.service) };
}

describe("timeout", () => {
  conformance(test, ({ clock }) => timeout({ ms: 100, clock }));

  test("gives an answer that comes in time", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    await clock.advance(99);
    (await mock.next()).answer(1);
    expect(await result).toEqual(right(1));
  });

  test("ends a call that takes longer, and aborts it inside", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
    expect(inner.signal?.aborted).toBe(true);
  });

  test("drops an answer that comes late", async () => {
    const { clock, layered, mock } = bench();
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(100);
    inner.answer(1);
    expect(await result).toEqual(left(timedOut));
  });

  test("lets the time begin later", async () => {
    let begin = (): void => {};
    const { clock, mock, layered } = bench({ startWhen: (_request, start) => (begin = start) });
    const result = layered.call("a");
    const inner = await mock.next();
    await clock.advance(1_000);
    begin();
    await clock.advance(99);
    expect(inner.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toEqual(left(timedOut));
  });

  test("sets no timer for a call that has ended before its time begins", async () => {
    let begin = (): void => {};
    const { clock, mock, layered } = bench({ startWhen: (_request, start) => (begin = start) });
    const result = layered.call("a");
    (await mock.next()).answer(1);
    await result;
    begin();
    expect(clock.pending).toBe(0);
  });

  test.each([0, -1, NaN, Infinity, 2 ** 31])("refuses %d ms", (ms) => {
    expect(() => timeout({ ms })).toThrow(`ms is ${ms}`);
  });

  test("describes its time", () => {
    const { layered } = bench();
    expect(layered.describe()).toMatchObject({ name: "timeout", options: { ms: 100 } });
  });
});
