import {
  type Classifier,
  type Fault,
  type Layer,
  left,
  right,
  service,
  type Service,
  ServiceBuilder,
  toAsync,
  toTaskEither,
} from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { circuitBreaker, type CircuitOpen, consecutiveFailures, successRate } from "@pagoda/circuit-breaker";
import { bench, down, refused } from "./bench.ts";

describe("circuitBreaker", () => {
  conformance(test, ({ clock, random }) => circuitBreaker({ clock, random }));

  test("refuses calls after consecutive failures, with the time to retry after", async () => {
    const { clock, mock, layered, failing } = bench();
    await failing(2);
    await clock.advance(250);
    expect(await layered.call("a")).toEqual(
      left({
        _tag: "CircuitOpen",
        origin: "local",
        retryable: true,
        retryAfterMs: 750,
        reason: "consecutive-failures",
      }),
    );
    await mock.expectNoCall();
  });

  test("opens by default below a success rate of 0.8 over 5 calls, even without 5 failures in a row", async () => {
    const { mock, layered, phase } = bench({ trip: undefined } as object);
    for (const fails of [true, false, false, false, true]) {
      expect(phase()).toBe("closed");
      void layered.call("a");
      const call = await mock.next();
      if (fails) call.fail(down);
      else call.answer("done");
      await settled();
    }
    expect(phase()).toBe("open");
  });

  test("admits one probe after the open time, and all calls once it has succeeded", async () => {
    const { clock, mock, failing, lets, phase } = bench();
    await failing(2);
    await clock.advance(999);
    expect(await lets()).toBe(false);
    await clock.advance(1);
    expect([await lets(), await lets(), phase()]).toEqual([true, false, "half-open"]);
    mock.calls[2]?.answer("done");
    await settled();
    expect([await lets(), await lets(), phase()]).toEqual([true, true, "closed"]);
  });

  test("omits retryAfterMs while probes are in flight", async () => {
    const { clock, layered, failing, lets } = bench();
    await failing(2);
    await clock.advance(1_000);
    await lets();
    const result = await layered.call("a");
    expect(result).toMatchObject(left({ _tag: "CircuitOpen", retryAfterMs: undefined }));
  });

  test("stays open twice as long after a failed probe", async () => {
    const { clock, mock, failing, lets } = bench();
    await failing(2);
    await clock.advance(1_000);
    expect(await lets()).toBe(true);
    mock.calls[2]?.fail(down);
    await clock.advance(1_999);
    expect(await lets()).toBe(false);
    await clock.advance(1);
    expect(await lets()).toBe(true);
  });

  test("notifies its observer once per event", async () => {
    const { clock, mock, layered, failing, lets, events } = bench();
    await failing(2);
    const opened = { reason: "consecutive-failures", failures: 2, forMs: 1_000 };
    expect(events.splice(0)).toEqual([["opened", opened]]);
    const result = await layered.call("a");
    expect(events.splice(0)).toEqual([["refused", (result as { left: CircuitOpen }).left]]);
    await clock.advance(1_000);
    expect(events).toEqual([]);
    await lets();
    mock.calls[2]?.fail(down);
    await clock.advance(2_000);
    await lets();
    mock.calls[3]?.answer("done");
    await settled();
    const again = { reason: "probe-failed", forMs: 2_000 };
    expect(events).toEqual([["halfOpened"], ["opened", again], ["halfOpened"], ["closed"]]);
  });

  test("tells its observer which call opened it and which closed it", async () => {
    const calls: unknown[] = [];
    const { clock, mock, layered } = bench({
      observer: {
        opened: (_opening, call) => calls.push(["opened", call]),
        closed: (call) => calls.push(["closed", call]),
      },
    });
    for (const name of ["first", "second", "late"]) void layered.call(name);
    for (const call of [await mock.next(), await mock.next(), await mock.next()]) call.fail(down);
    await settled();
    expect(calls.splice(0)).toEqual([["opened", "second"]]);
    await clock.advance(1_000);
    void layered.call("probe");
    (await mock.next()).answer("done");
    await settled();
    expect(calls).toEqual([["closed", "probe"]]);
  });

  test("describes its options and state", async () => {
    const { clock, layered, failing, lets } = bench();
    const { name, options, state } = layered.describe();
    expect({ name, options }).toEqual({
      name: "circuit-breaker",
      options: { trip: { consecutiveFailures: 2 }, openMs: 1_000, maxOpenMs: 4_000, probes: 1 },
    });
    expect(state).toEqual({ phase: "closed", consecutiveFailures: 0, waiting: 0 });
    await failing(2);
    await clock.advance(1_000);
    await lets();
    expect(layered.describe().state).toEqual({
      phase: "half-open",
      reason: "consecutive-failures",
      retryAfterMs: 0,
      probesInFlight: 1,
      consecutiveFailures: 2,
      waiting: 0,
    });
  });

  test("each service has its own breaker", async () => {
    const layer = circuitBreaker({ trip: successRate({ minCalls: 1 }) });
    const failing = layer(service("down", async () => left(down)));
    const well = layer(service("well", async () => right("done")));
    await failing.call("a");
    expect(await failing.call("a")).toMatchObject(left({ _tag: "CircuitOpen", reason: "success-rate" }));
    expect(await well.call("a")).toEqual(right("done"));
  });
});

describe("what counts against the upstream", () => {
  test("not local refusals further in, aborts or defects", async () => {
    const { mock, layered, phase } = bench();
    const leaving = new AbortController();
    const results = Array.from({ length: 9 }, () => layered.call("a", leaving.signal));
    for (const call of mock.calls.slice(0, 3)) call.fail(refused);
    for (const call of mock.calls.slice(3, 6)) call.reject(new Error("a defect"));
    leaving.abort();
    await Promise.allSettled(results);
    expect(phase()).toBe("closed");
  });

  test("not calls admitted before it opened that end afterwards", async () => {
    const { clock, mock, layered, failing, phase, lets, events } = bench();
    const late = Array.from({ length: 3 }, () => layered.call("late"));
    for (let n = 0; n < 3; n++) await mock.next();
    await failing(2);
    mock.calls[0]?.answer("done");
    await clock.advance(1_000);
    expect(await lets()).toBe(true);
    mock.calls[1]?.answer("done");
    mock.calls[2]?.fail(down);
    await Promise.all(late);
    expect(phase()).toBe("half-open");
    expect(await lets()).toBe(false);
    expect(events.filter((event) => (event as unknown[])[0] === "opened")).toHaveLength(1);
  });

  test("what the classifier calls a failure", async () => {
    const classifier: Classifier = {
      outcome: (result) => ({
        kind: result._tag === "Right" && result.right === "500" ? "failure" : "success",
        retryable: false,
      }),
      discard() {},
    };
    const { mock, layered, phase } = bench({ classifier });
    for (let n = 0; n < 2; n++) {
      void layered.call("a");
      (await mock.next()).answer("500");
    }
    await settled();
    expect(phase()).toBe("open");
  });
});

describe("defects", () => {
  const throwing: Service<string, string> = service("throws", () => {
    throw new Error("a defect");
  });

  test("reject if inner throws", async () => {
    await expect(circuitBreaker()(throwing).call("a")).rejects.toThrow("a defect");
  });

  test("thrown in a probe free its slot", async () => {
    let now = 0;
    let isThrowing = false;
    const leaf = service<string, string, Fault>("leaf", async () => left(down));
    const layered = circuitBreaker({
      trip: consecutiveFailures(1),
      clock: { ...virtualClock(), now: () => now },
    })({ ...leaf, call: (request: string) => (isThrowing ? throwing : leaf).call(request) });
    await layered.call("a");
    now = 5_000;
    isThrowing = true;
    await expect(layered.call("b")).rejects.toThrow("a defect");
    expect(layered.describe().state).toMatchObject({ phase: "half-open", probesInFlight: 0 });
  });

  test("in a probe or in the classifier free the slot", async () => {
    let isFaulty = false;
    const { clock, mock, failing, lets, layered } = bench({
      classifier: {
        outcome({ _tag }) {
          if (isFaulty) throw new Error("a defect");
          return { kind: _tag === "Left" ? "failure" : "success", retryable: false };
        },
        discard() {},
      },
    });
    await failing(2);
    await clock.advance(1_000);
    isFaulty = true;
    const unread = layered.call("a");
    (await mock.next()).answer("done");
    await expect(unread).rejects.toThrow("a defect");
    const rejected = layered.call("b");
    (await mock.next()).reject(new Error("another defect"));
    await expect(rejected).rejects.toThrow("another defect");
    expect(await lets()).toBe(true);
  });
});

describe("types of circuitBreaker", () => {
  test("raises CircuitOpen and keeps the rest", () => {
    expectTypeOf(circuitBreaker).returns.toEqualTypeOf<Layer<unknown, unknown, CircuitOpen>>();
    const leaf = service<string, number, Fault<"Down">>("leaf", async () => right(1));
    const stack = new ServiceBuilder<string>().layer(circuitBreaker({ probes: 2 })).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<string, number, CircuitOpen | Fault<"Down">>>();
  });

  test("its fault is local to all outer layers", () => {
    expectTypeOf<CircuitOpen["origin"]>().toEqualTypeOf<"local">();
    expectTypeOf<CircuitOpen["retryAfterMs"]>().toEqualTypeOf<number | undefined>();
  });

  test("an unhandled error does not compile where the stack is served", () => {
    // Never called: it only has to fail to compile.
    expectTypeOf((serve: (stack: Service<string, unknown>) => void) => {
      const leaf = service("leaf", async (_request: string) => right(1));
      // @ts-expect-error: Type 'CircuitOpen' is not assignable to type 'never'.
      serve(new ServiceBuilder<string>().layer(circuitBreaker()).service(leaf));
    }).toBeFunction();
  });
});

// Defect: without `httpClassifier()` 20 × 503 left it closed.
describe("HTTP responses without a classifier", () => {
  test("20 × 503 open it", async () => {
    const answers = service("busy", async (_request: string) => right(httpResponse(503)));
    const layered = circuitBreaker({ clock: virtualClock() })(answers);
    for (let n = 0; n < 20; n++) await layered.call("a");
    expect(layered.describe().state).toMatchObject({ phase: "open", reason: "consecutive-failures" });
  });

  test.each([200, 404, 429])("20 × %d do not open it", async (status) => {
    const answers = service("fine", async (_request: string) => right(httpResponse(status)));
    const layered = circuitBreaker({ trip: consecutiveFailures(5), clock: virtualClock() })(answers);
    for (let n = 0; n < 20; n++) await layered.call("a");
    expect(layered.describe().state).toMatchObject({ phase: "closed" });
  });
});

// Defect: as a plain function it waited up to `maxOpenMs` for an open circuit, beyond every
// timeout.
describe("an open circuit behind toAsync and toTaskEither", () => {
  async function opened() {
    const clock = virtualClock();
    const leaf = service<string, string, Fault>("leaf", async () => left(down));
    const layered = circuitBreaker({ trip: consecutiveFailures(1), random: () => 0.5, clock })(leaf);
    await layered.call("a");
    return { clock, layered };
  }

  test("refuses at once", async () => {
    const { layered } = await opened();
    await expect(toAsync(layered)("b")).rejects.toMatchObject({ cause: { _tag: "CircuitOpen" } });
    expect(await toTaskEither(layered)("b")()).toMatchObject(left({ _tag: "CircuitOpen" }));
  });

  test("refuses if it is not ready within maxWaitMs", async () => {
    const { clock, layered } = await opened();
    const result = toTaskEither(layered, { maxWaitMs: 100, clock })("b")();
    await clock.advance(100);
    expect(await result).toMatchObject(left({ _tag: "CircuitOpen" }));
  });
});
