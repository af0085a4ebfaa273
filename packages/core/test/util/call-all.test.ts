import { callAll, type CallAllOptions, left, right, service } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

/** The numbers from 0; records how many were taken and whether the sequence was closed. */
function numbers(end = Infinity) {
  const source = {
    taken: 0,
    closed: false,
    *[Symbol.iterator](): Generator<number, void, undefined> {
      try {
        while (source.taken < end) yield source.taken++;
      } finally {
        source.closed = true;
      }
    },
  };
  return source;
}

function bench(end: number, options: CallAllOptions = {}) {
  const mock = mockService<number, string, "odd">();
  const source = numbers(end);
  const results = callAll(mock.service, source, options);
  return { mock, source, results };
}

describe("callAll", () => {
  test("yields the results in the order of the requests, whatever their order of arrival", async () => {
    const { mock, results } = bench(3, { concurrency: 3 });
    const all = Array.from({ length: 3 }, () => results.next());
    await settled();
    mock.calls[2]?.answer("third");
    mock.calls[1]?.fail("odd");
    mock.calls[0]?.answer("first");
    expect((await Promise.all(all)).map(({ value }) => value)).toEqual([
      right("first"),
      left("odd"),
      right("third"),
    ]);
    expect((await results.next()).done).toBe(true);
  });

  test("accepts an async sequence", async () => {
    async function* few(): AsyncGenerator<number, void, undefined> {
      yield 1;
      yield 2;
    }
    const double = service("double", async (n: number) => right(n * 2));
    const got: unknown[] = [];
    for await (const result of callAll(double, few())) got.push(result);
    expect(got).toEqual([right(2), right(4)]);
  });

  test("makes one call at a time by default", async () => {
    const { mock, results } = bench(3);
    void results.next();
    void results.next();
    await settled();
    expect(mock.calls.length).toBe(1);
    mock.calls[0]?.answer("a");
    await settled();
    expect(mock.calls.map(({ request }) => request)).toEqual([0, 1]);
  });

  test("has at most `concurrency` calls in flight", async () => {
    const { mock, source, results } = bench(10, { concurrency: 3 });
    for (let n = 0; n < 10; n++) void results.next();
    for (let n = 0; n < 10; n++) {
      await settled();
      expect(mock.inFlight).toBe(Math.min(3, 10 - n));
      mock.calls[n]?.answer("done");
    }
    await settled();
    expect(source.closed).toBe(true);
  });

  test("takes no request before it is read", async () => {
    const { mock, source } = bench(3);
    await mock.expectNoCall();
    expect(source.taken).toBe(0);
  });

  test("takes no further request while the reader is slow", async () => {
    const { mock, source, results } = bench(10, { concurrency: 2 });
    const first = results.next();
    await settled();
    for (const call of mock.calls) call.answer("done");
    await first;
    await settled();
    expect(source.taken).toBe(2);
    await results.next();
    expect(source.taken).toBe(3);
  });

  test("waits for readiness without taking further requests", async () => {
    const { mock, source, results } = bench(10, { concurrency: 3 });
    mock.admit(1);
    void results.next();
    await settled();
    expect([source.taken, mock.inFlight, mock.uninvited]).toEqual([3, 1, 0]);
    mock.calls[0]?.answer("done");
    await settled();
    expect([mock.calls.length, mock.uninvited]).toEqual([2, 0]);
  });

  test("aborts the calls in flight and closes the sequence when the reader stops early", async () => {
    const { mock, source, results } = bench(10, { concurrency: 3 });
    const first = results.next();
    (await mock.next()).answer("done");
    await first;
    await results.return();
    expect(mock.calls.map(({ signal }) => signal?.aborted)).toEqual([true, true, true]);
    expect(mock.inFlight).toBe(0);
    expect(source).toMatchObject({ taken: 3, closed: true });
  });

  test("returns Aborted for the calls in flight when the signal is aborted, and takes no further request", async () => {
    const leaving = new AbortController();
    const { source, results } = bench(10, { concurrency: 2, signal: leaving.signal });
    const all = Array.from({ length: 3 }, () => results.next());
    await settled();
    leaving.abort("enough");
    const [first, second, end] = await Promise.all(all);
    const aborted = left(expect.objectContaining({ _tag: "Aborted", cause: "enough" }));
    expect([first?.value, second?.value, end?.done]).toEqual([aborted, aborted, true]);
    expect(source.closed).toBe(true);
  });

  test("takes no request when the signal is already aborted", async () => {
    const { mock, results } = bench(3, { signal: AbortSignal.abort() });
    expect((await results.next()).done).toBe(true);
    await mock.expectNoCall();
  });

  test("a defect reaches the reader and aborts the other calls", async () => {
    const { mock, results } = bench(3, { concurrency: 2 });
    const first = results.next();
    const defect = new Error("a defect");
    (await mock.next()).reject(defect);
    await expect(first).rejects.toBe(defect);
    expect(mock.inFlight).toBe(0);
  });

  // Defect: while an earlier call was open it was an unhandled rejection, for which Node ends the
  // process.
  test("a defect waits for its turn without being unhandled", async () => {
    const { mock, results } = bench(2, { concurrency: 2 });
    const [first, second] = [results.next(), results.next()];
    await mock.next();
    const defect = new Error("a defect");
    (await mock.next()).reject(defect);
    const caught = second.catch((thrown: unknown) => thrown);
    await settled();
    mock.calls[0]?.answer("done");
    expect(await first).toMatchObject({ value: right("done") });
    expect(await caught).toBe(defect);
  });

  test.each([0, -1, 1.5, NaN, Infinity])("refuses a concurrency of %d", async (concurrency) => {
    const { results } = bench(1, { concurrency });
    await expect(results.next()).rejects.toThrow(
      `callAll: concurrency must be an integer of at least 1 (got ${concurrency})`,
    );
  });
});
