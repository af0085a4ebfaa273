import {
  type Fault,
  isReady,
  type Layer,
  left,
  oneshot,
  right,
  service,
  type Service,
  ServiceBuilder,
  whenReady,
} from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type FailedFast, failfast } from "@pagoda/failfast";

const failedFast = left({
  _tag: "FailedFast",
  origin: "local",
  retryable: true,
  afterMs: 100,
  inner: "mock",
});

function bench() {
  const clock = virtualClock();
  const mock = mockService<string, number>();
  const events: unknown[] = [];
  const observer = {
    failing: (afterMs: number) => events.push(["failing", afterMs]),
    recovered: (afterMs: number) => events.push(["recovered", afterMs]),
    refused: (fault: FailedFast) => events.push(["refused", fault._tag]),
  };
  const layered = failfast({ ms: 100, observer, clock })(mock.service);
  const phase = (): unknown => layered.describe().state?.["phase"];
  /** Makes inner unready and waits until a caller has been refused. */
  async function failing(): Promise<void> {
    mock.admit(0);
    void oneshot(layered, "waits");
    await clock.advance(100);
    events.splice(0);
  }
  return { clock, mock, layered, events, phase, failing };
}

describe("failfast", () => {
  conformance(test, ({ clock }) => failfast({ ms: 100, clock }));

  test("releases all waiting callers at once when the time expires", async () => {
    const { clock, mock, layered, events } = bench();
    mock.admit(0);
    const results = ["a", "b", "c"].map((name) => oneshot(layered, name));
    let ended = 0;
    for (const result of results) void result.then(() => ended++);
    await clock.advance(99);
    expect(ended).toBe(0);
    await clock.advance(1);
    expect(await Promise.all(results)).toEqual([failedFast, failedFast, failedFast]);
    expect(events).toEqual([["failing", 100], ...Array.from({ length: 3 }, () => ["refused", "FailedFast"])]);
    await mock.expectNoCall();
  });

  test("is ready while failing, and refuses at once", async () => {
    const { clock, layered, failing } = bench();
    await failing();
    expect(layered.ready()).toBeUndefined();
    expect(await oneshot(layered, "a")).toEqual(failedFast);
    expect(await layered.call("b")).toEqual(failedFast);
    expect(clock.pending).toBe(0);
  });

  test("recovers when inner is ready again, even if nobody asks", async () => {
    const { clock, mock, layered, events, failing, phase } = bench();
    await failing();
    await clock.advance(50);
    mock.admit(1);
    await settled();
    expect(events).toEqual([["recovered", 50]]);
    expect(phase()).toBe("passing");
    const result = oneshot(layered, "a");
    (await mock.next()).answer(1);
    expect(await result).toEqual(right(1));
    expect(mock.uninvited).toBe(0);
  });

  test("takes the full time again after a recovery", async () => {
    const { clock, mock, layered, events, failing } = bench();
    await failing();
    mock.admit(1);
    await settled();
    mock.admit(0);
    events.splice(0);
    void oneshot(layered, "a");
    await clock.advance(99);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toEqual(["failing", 100]);
  });

  test("starts the timer when the first caller waits", async () => {
    const { clock, mock, layered, events } = bench();
    mock.admit(0);
    await clock.advance(1_000);
    void oneshot(layered, "a");
    await clock.advance(60);
    void oneshot(layered, "b");
    await clock.advance(39);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toEqual(["failing", 100]);
  });

  test("passes a call made without asking to inner, which refuses it with its own error", async () => {
    const full = service("full", async (_request: string) => left("full" as const), {
      ready: () => new Promise(() => {}),
    });
    expect(await failfast()(full).call("a")).toEqual(left("full"));
  });

  test("returns inner's promise", () => {
    const promise = Promise.resolve(right(1));
    expect(failfast()(service("leaf", () => promise)).call("a")).toBe(promise);
  });

  test("rejects if inner throws", async () => {
    const leaf: Service<string, number> = service("leaf", () => {
      throw new Error("a defect");
    });
    await expect(failfast()(leaf).call("a")).rejects.toThrow("a defect");
  });

  test("a defect of inner's readiness ends the failing phase, and the next caller meets it", async () => {
    const clock = virtualClock();
    let asked = 0;
    const broken = service("broken", async (_request: string) => right(1), {
      ready() {
        // By the waiting caller, when the time expires, then by the place held in the queue.
        if (++asked > 2) throw new Error("a defect");
        return new Promise(() => {});
      },
    });
    const layered = failfast({ ms: 100, clock })(broken);
    const [met] = await Promise.allSettled([oneshot(layered, "a"), clock.advance(100)]);
    expect(met).toMatchObject({ status: "rejected", reason: { message: "a defect" } });
    expect(layered.describe().state).toMatchObject({ phase: "passing" });
  });

  test("describes its options and phase", async () => {
    const { clock, mock, layered } = bench();
    expect(layered.describe()).toMatchObject({
      name: "failfast",
      options: { ms: 100 },
      state: { phase: "passing", waiting: 0, refused: 0 },
    });
    mock.admit(0);
    void oneshot(layered, "a");
    await clock.advance(30);
    expect(layered.describe().state).toEqual({ phase: "waiting", sinceMs: 30, waiting: 1, refused: 0 });
    await clock.advance(75);
    expect(layered.describe().state).toEqual({ phase: "failing", sinceMs: 5, waiting: 0, refused: 1 });
  });

  test.each([0, -1, NaN, Infinity, 2 ** 31])("rejects an ms of %d", (ms) => {
    expect(() => failfast({ ms })).toThrow(
      `failfast: ms must be a number above 0 and at most 2147483647 (got ${ms})`,
    );
  });

  test("waits 3 s by default", () => {
    expect(failfast()(service("leaf", async () => right(1))).describe().options).toEqual({ ms: 3_000 });
  });
});

describe("the timer", () => {
  test("stops when the last waiting caller leaves", async () => {
    const { clock, mock, layered, events } = bench();
    mock.admit(0);
    const leaving = new AbortController();
    const result = oneshot(layered, "leaves", leaving.signal);
    await clock.advance(99);
    leaving.abort();
    await result;
    expect(clock.pending).toBe(0);
    void oneshot(layered, "a");
    await clock.advance(99);
    expect(events).toEqual([]);
  });

  test("does not start for a caller that only asks", () => {
    const { clock, mock, layered, phase } = bench();
    mock.admit(0);
    expect(isReady(layered)).toBe(false);
    expect([clock.pending, phase()]).toEqual([0, "passing"]);
  });

  test("restarts whenever a waiting caller comes through", async () => {
    const { clock, mock, layered, events } = bench();
    mock.admit(1);
    for (let n = 0; n < 8; n++) void oneshot(layered, "a");
    for (let n = 0; n < 7; n++) {
      const call = await mock.next();
      await clock.advance(60);
      call.answer(n);
    }
    expect(events).toEqual([]);
    (await mock.next()).answer(7);
  });

  test("expires if the last caller came through long ago", async () => {
    const { clock, mock, layered, events } = bench();
    mock.admit(1);
    for (const name of ["a", "b", "c"]) void oneshot(layered, name);
    const first = await mock.next();
    await clock.advance(60);
    first.answer(1);
    await mock.next();
    await clock.advance(99);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual([
      ["failing", 100],
      ["refused", "FailedFast"],
    ]);
    mock.calls[1]?.answer(2);
    await settled();
    expect(events.at(-1)).toEqual(["recovered", 0]);
  });
});

describe("waiting callers", () => {
  test("come through in order if inner is ready in time", async () => {
    const { clock, mock, layered } = bench();
    mock.admit(0);
    for (const name of ["a", "b", "c"]) void oneshot(layered, name);
    await clock.advance(50);
    mock.admit(2);
    await settled();
    expect(mock.calls.map(({ request }) => request)).toEqual(["a", "b"]);
    mock.calls[0]?.answer(1);
    await settled();
    expect(mock.calls[2]?.request).toBe("c");
    expect(clock.pending).toBe(0);
  });

  test("that await ready() without whenReady are released either way, leaving nothing behind", async () => {
    const { clock, mock, layered, events } = bench();
    const woken: string[] = [];
    mock.admit(0);
    void layered.ready()?.then(() => woken.push("refusals"));
    await clock.advance(100);
    expect(woken).toEqual(["refusals"]);
    mock.admit(1);
    await settled();
    mock.admit(0);
    events.splice(0);
    void layered.ready()?.then(() => woken.push("ready"));
    mock.admit(1);
    await settled();
    expect(woken).toEqual(["refusals", "ready"]);
    await clock.advance(100);
    expect(events).toEqual([]);
    expect(layered.describe().state).toMatchObject({ phase: "passing", waiting: 0 });
    expect(clock.pending).toBe(0);
  });

  test("of inner lose nothing to the place held in its queue", async () => {
    const { mock, failing } = bench();
    await failing();
    let called = false;
    void whenReady(mock.service, () => (called = true));
    mock.admit(1);
    await settled();
    expect(called).toBe(true);
  });
});

describe("types of failfast", () => {
  test("raises FailedFast and keeps the rest", () => {
    expectTypeOf(failfast).returns.toEqualTypeOf<Layer<unknown, unknown, FailedFast>>();
    const leaf = service<string, number, Fault<"Down">>("leaf", async () => right(1));
    const stack = new ServiceBuilder<string>().layer(failfast()).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<string, number, FailedFast | Fault<"Down">>>();
  });

  test("an unhandled error does not compile where the stack is served", () => {
    // Never called: it only has to fail to compile.
    expectTypeOf((serve: (stack: Service<string, unknown>) => void) => {
      const leaf = service("leaf", async (_request: string) => right(1));
      // @ts-expect-error: Type 'FailedFast' is not assignable to type 'never'.
      serve(new ServiceBuilder<string>().layer(failfast()).service(leaf));
    }).toBeFunction();
  });
});
