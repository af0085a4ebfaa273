import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import {
  type Aborted,
  isReady,
  type Layer,
  left,
  oneshot,
  right,
  service,
  type Service,
  ServiceBuilder,
  WaitList,
  whenReady,
} from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { buffer, type BufferFull, type BufferOptions, type QueueTimedOut } from "@pagoda/buffer";
import { rude } from "./inners.ts";

const full = (capacity: number): BufferFull => ({
  _tag: "BufferFull",
  origin: "local",
  retryable: true,
  capacity,
});

function bench(options: Partial<BufferOptions> = {}) {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  const seen: string[] = [];
  const layered = buffer({
    capacity: 2,
    observer: {
      queued: (depth) => seen.push(`queued ${depth}`),
      dropped: (reason) => seen.push(`dropped ${reason}`),
      passed: (waitedMs) => seen.push(`passed ${waitedMs}`),
    },
    clock,
    ...options,
  })(mock.service);
  return { clock, mock, seen, layered };
}

describe("buffer", () => {
  // A buffer is ready although inner is not; callers that wait are still served.
  conformance(test, ({ clock }) => buffer({ capacity: 10, clock }), { ready: "always" });
  conformance(test, ({ clock }) => buffer({ capacity: 1, clock }));
  conformance(test, ({ clock }) => buffer({ capacity: 100, maxWaitMs: 50, clock }));

  test("passes a call through in the same tick while inner is ready, returning inner's promise", () => {
    const promise = Promise.resolve(right(1));
    const layered = buffer({ capacity: 1 })(service("leaf", () => promise));
    expect(layered.call("a")).toBe(promise);
  });

  test("queues calls until inner is ready, then makes them in order", async () => {
    const { mock, layered, seen, clock } = bench();
    mock.admit(1);
    const results = ["a", "b", "c"].map((request) => layered.call(request));
    expect(mock.calls).toHaveLength(1);
    for (const [n, request] of ["a", "b", "c"].entries()) {
      const call = await mock.next();
      expect(call.request).toBe(request);
      await mock.expectNoCall();
      await clock.advance(10);
      call.answer(n);
    }
    expect(await Promise.all(results)).toEqual([right(0), right(1), right(2)]);
    expect(seen).toEqual(["passed 0", "queued 1", "queued 2", "passed 10", "passed 20"]);
    expect(mock.uninvited).toBe(0);
  });

  test("refuses a call at once if the queue is full", async () => {
    const { mock, layered, seen } = bench();
    mock.admit(0);
    void layered.call("a");
    void layered.call("b");
    expect(await layered.call("c")).toEqual(left(full(2)));
    expect(seen).toEqual(["queued 1", "queued 2", "dropped full"]);
    mock.admit(Infinity);
    for (const request of ["a", "b"]) {
      const call = await mock.next();
      expect(call.request).toBe(request);
      call.answer(0);
    }
  });

  test("is ready while the queue has room, and wakes callers that wait for room in order", async () => {
    const { mock, layered } = bench({ capacity: 1 });
    mock.admit(0);
    expect(isReady(layered)).toBe(true);
    void layered.call("a");
    expect(isReady(layered)).toBe(false);
    const others = ["b", "c"].map((request) => oneshot(layered, request));
    await settled();
    expect(layered.describe().state).toMatchObject({ queued: 1, waiting: 2 });
    mock.admit(1);
    for (const request of ["a", "b", "c"]) {
      const call = await mock.next();
      expect(call.request).toBe(request);
      call.answer(0);
    }
    expect(await Promise.all(others)).toEqual([right(0), right(0)]);
  });

  test("an aborted call leaves the queue in the same tick with Aborted, and leaves nothing behind", async () => {
    const { mock, layered, seen, clock } = bench({ capacity: 1, maxWaitMs: 1_000 });
    mock.admit(0);
    const controller = new AbortController();
    const result = layered.call("a", controller.signal);
    controller.abort("left");
    expect(layered.describe().state).toMatchObject({ queued: 0 });
    const next = layered.call("b");
    expect(await result).toEqual(left({ _tag: "Aborted", origin: "local", retryable: false, cause: "left" }));
    expect(clock.pending).toBe(1);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    mock.admit(1);
    const call = await mock.next();
    expect(call.request).toBe("b");
    call.answer(1);
    expect(await next).toEqual(right(1));
    expect(seen).toEqual(["queued 1", "dropped aborted", "queued 1", "passed 0"]);
    expect(clock.pending).toBe(0);
  });

  test("the next call gets its turn if the first is aborted", async () => {
    const { mock, layered } = bench();
    mock.admit(0);
    const controller = new AbortController();
    const first = layered.call("a", controller.signal);
    const second = layered.call("b");
    await settled();
    controller.abort();
    mock.admit(1);
    (await mock.next()).answer(2);
    expect(await Promise.all([first, second])).toMatchObject([left({ _tag: "Aborted" }), right(2)]);
  });

  test("refuses to queue a call that is already aborted", async () => {
    const { mock, layered, seen } = bench();
    mock.admit(0);
    expect(await layered.call("a", AbortSignal.abort())).toMatchObject(left({ _tag: "Aborted" }));
    expect(seen).toEqual(["dropped aborted"]);
  });

  test("queued calls are never overtaken, even around an inner that wakes all waiters at once", async () => {
    const { service, called, open } = rude();
    const layered = buffer({ capacity: 10 })(service);
    const early = ["a", "b"].map((request) => layered.call(request));
    await settled();
    open(3);
    // Inner is ready, but it is not this call's turn.
    const late = layered.call("c");
    expect(called).toEqual([]);
    await Promise.all([...early, late]);
    expect(called).toEqual(["a", "b", "c"]);
  });

  test("other users of inner do not overtake calls that have been queued for longer", async () => {
    const { mock, layered } = bench();
    mock.admit(0);
    void layered.call("buffered 1");
    void layered.call("buffered 2");
    void whenReady(mock.service, () => mock.service.call("outside"));
    await settled();
    mock.admit(1);
    for (const request of ["buffered 1", "buffered 2", "outside"]) {
      const call = await mock.next();
      expect(call.request).toBe(request);
      call.answer(0);
    }
  });

  test("calls inner in the async context of the call", async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const gate = rude();
    const layered = buffer({ capacity: 10 })({
      ...gate.service,
      call: (request: string) => {
        seen.push(storage.getStore());
        return gate.service.call(request);
      },
    });
    const results = ["a", "b"].map((request) => storage.run(request, () => layered.call(request)));
    gate.open(2);
    await Promise.all(results);
    expect(seen).toEqual(["a", "b"]);
  });

  test("every defect of inner rejects the call, and the next call gets its turn", async () => {
    const defect = new Error("thrown");
    const gate = rude();
    const throwing = buffer({ capacity: 10 })({
      ...gate.service,
      call: (request: string) => {
        if (request === "throws") throw defect;
        return gate.service.call(request);
      },
    });
    const waits = throwing.call("throws");
    const next = throwing.call("next");
    gate.open(2);
    await expect(waits).rejects.toBe(defect);
    expect(await next).toEqual(right("next"));
    await expect(throwing.call("throws")).rejects.toBe(defect);
    expect(throwing.describe().state).toMatchObject({ queued: 0 });
  });

  test("a defect of inner's readiness rejects every queued call", async () => {
    const defect = new Error("thrown");
    const { promise, resolve } = Promise.withResolvers<void>();
    let broken = false;
    const ready = (): Promise<void> => {
      if (broken) throw defect;
      return promise;
    };
    const layered = buffer({ capacity: 10 })(service("leaf", async () => right(1), { ready }));
    const waits = layered.call("a");
    broken = true;
    resolve();
    await expect(waits).rejects.toBe(defect);
    expect(layered.describe().state).toMatchObject({ queued: 0 });
    await expect(layered.call("b")).rejects.toBe(defect);
  });

  test("only one call at a time waits in inner's queue", async () => {
    const waiting = new WaitList(() => false);
    const layered = buffer({ capacity: 10 })(
      service("leaf", async () => right(1), { ready: () => waiting.ready() }),
    );
    for (let call = 0; call < 5; call++) void layered.call(call);
    expect(waiting.size).toBe(1);
    await settled();
    expect(waiting.size).toBe(1);
  });

  test("describes its options, queue length and oldest wait", async () => {
    const { clock, mock, layered } = bench({ maxWaitMs: 500, codel: { targetMs: 5, intervalMs: 100 } });
    expect(layered.describe()).toMatchObject({
      name: "buffer",
      options: { capacity: 2, maxWaitMs: 500, codel: { targetMs: 5, intervalMs: 100 } },
      state: { queued: 0, oldestMs: 0, waiting: 0 },
    });
    expect(buffer({ capacity: 3 })(mock.service).describe().options).toEqual({
      capacity: 3,
      maxWaitMs: 3_000,
    });
    mock.admit(0);
    void layered.call("a");
    await clock.advance(30);
    void layered.call("b");
    await clock.advance(12);
    expect(layered.describe().state).toEqual({ queued: 2, oldestMs: 42, waiting: 0 });
    await clock.runAll();
  });

  test.each([0, -1, 1.5, NaN, Infinity])("rejects a capacity of %d", (capacity) => {
    expect(() => buffer({ capacity })).toThrow(
      `buffer: capacity must be an integer of at least 1 (got ${capacity})`,
    );
    expect(() => buffer({ capacity })).toThrow(RangeError);
  });

  test("adds its errors to those of inner", () => {
    type Errors = BufferFull | QueueTimedOut | Aborted;
    expectTypeOf(buffer({ capacity: 1 })).toEqualTypeOf<Layer<unknown, unknown, Errors>>();
    const stack = new ServiceBuilder<string>()
      .layer(buffer({ capacity: 1 }))
      .service(service<string, number, "broken">("leaf", async () => right(1)));
    expectTypeOf(stack).toEqualTypeOf<Service<string, number, Errors | "broken">>();
  });
});
