import {
  type ErrorOf,
  idempotent,
  isReady,
  left,
  once,
  type Replayable,
  right,
  Scope,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { hedge, type HedgeObserver, type HedgeOptions } from "@pagoda/hedge";
import { bench, type Down, down, request, slow } from "./bench.ts";

describe("hedge", () => {
  conformance<Replayable, string>(test, ({ clock }) => hedge({ clock }), { request: () => request });

  test("sends a slow call a second time once the delay is known", async () => {
    const { traffic, observer, ...rest } = bench();
    await traffic();
    const { result, second } = await slow(rest);
    second?.answer("second");
    expect(await result).toEqual(right("second"));
    expect(observer).toEqual({ hedged: [{ afterMs: 21 }], won: ["second"] });
    expect(rest.state()).toMatchObject({ hedges: 1, wins: 1 });
  });

  test("counts only wins of the second call", async () => {
    const { traffic, observer, ...rest } = bench();
    await traffic();
    const { result, first } = await slow(rest);
    first?.answer("first");
    expect(await result).toEqual(right("first"));
    expect(observer.won).toEqual(["first"]);
    expect(rest.state()).toMatchObject({ hedges: 1, wins: 0 });
  });

  test("makes no second call before a full period with enough samples", async () => {
    const { ...rest } = bench();
    expect((await slow(rest)).second).toBeUndefined();
    const few = bench({ minSamples: 11 });
    await few.traffic();
    expect((await slow(few)).second).toBeUndefined();
  });

  test("learns from successful calls only", async () => {
    const { clock, mock, call, state } = bench();
    for (let n = 0; n < 100; n++) {
      const result = call();
      const inner = await mock.next();
      await clock.advance(10);
      if (n % 4 === 0) inner.answer("a");
      else inner.fail(down);
      await result;
    }
    await clock.advance(0);
    expect(state()).toMatchObject({ delayMs: 11 });
    const failing = bench();
    for (let n = 0; n < 100; n++) {
      const result = failing.call();
      (await failing.mock.next()).fail(down);
      expect(await result).toEqual(left(down));
      await failing.clock.advance(10);
    }
    expect(failing.state()).toMatchObject({ delayMs: null });
  });

  test("makes no second call for a request that cannot be hedged", async () => {
    const { traffic, ...rest } = bench({ maxExtraLoad: 0.5 });
    await traffic();
    expect((await slow(rest, undefined, { replay: once })).second).toBeUndefined();
    const repeatable = { ...idempotent, canHedge: () => false };
    expect((await slow(rest, undefined, { replay: repeatable })).second).toBeUndefined();
    let sent = false;
    const answer = slow(rest, undefined, { replay: { ...idempotent, canHedge: () => sent } });
    sent = true;
    expect((await answer).second).toBeDefined();
  });

  test("makes no second call while inner is not ready, and withdraws nothing", async () => {
    const { traffic, ...rest } = bench({ maxExtraLoad: 0.5 });
    await traffic();
    rest.mock.admit(1);
    expect((await slow(rest)).second).toBeUndefined();
    expect(rest.mock.uninvited).toBe(0);
    // Half of the eight calls still in the window.
    expect(rest.state()).toMatchObject({ budgetLeft: 4 });
  });

  test("makes no second call after the caller aborted", async () => {
    const { traffic, ...rest } = bench();
    await traffic();
    const caller = new AbortController();
    const before = rest.mock.calls.length;
    const result = rest.call(caller.signal);
    await rest.clock.advance(20);
    caller.abort();
    expect(rest.clock.pending).toBe(0);
    await rest.clock.advance(200);
    expect(await result).toMatchObject(left({ _tag: "Aborted" }));
    expect(rest.mock.calls.length).toBe(before + 1);
  });

  test.each([
    [10, 0],
    [21, 0],
    [22, 1],
  ])("a deadline in %d ms sets %d timers", async (ms, timers) => {
    const { traffic, clock, call } = bench();
    await traffic();
    const caller = new Scope(undefined);
    caller.deadline = clock.now() + ms;
    void call(caller.signal);
    expect(clock.pending).toBe(timers);
  });

  test("makes no second call past a deadline that was set later", async () => {
    const { traffic, clock, call, mock } = bench();
    await traffic();
    const before = mock.calls.length;
    const caller = new Scope(undefined);
    void call(caller.signal);
    caller.deadline = clock.now() + 5;
    await clock.advance(200);
    expect(mock.calls.length).toBe(before + 1);
  });

  test("passes on inner's readiness", () => {
    const { layered, mock } = bench();
    expect(isReady(layered)).toBe(true);
    mock.admit(0);
    expect(isReady(layered)).toBe(false);
  });

  test("turns a throw of inner into a rejection", async () => {
    const mock = mockService<Replayable, string>();
    const mistake = new Error("a mistake");
    const call = (): never => {
      throw mistake;
    };
    await expect(hedge()({ ...mock.service, call }).call(request)).rejects.toBe(mistake);
  });

  test("learns per service", async () => {
    const clock = virtualClock();
    const layer = hedge({ minSamples: 1, windowMs: 1_000, clock });
    const [one, other] = [mockService<Replayable, string>(), mockService<Replayable, string>()];
    const [first, second] = [layer(one.service), layer(other.service)];
    void first.call(request);
    (await one.next()).answer("a");
    await clock.advance(1_000);
    expect([first, second].map((each) => each.describe().state?.["delayMs"])).toEqual([1, null]);
  });

  test("describes options and state", () => {
    expect(bench().layered.describe()).toMatchObject({
      name: "hedge",
      options: { maxExtraLoad: 0.1, windowMs: 1_000, minSamples: 10 },
      state: { delayMs: null, hedges: 0, wins: 0, budgetLeft: 0 },
    });
  });

  test.each<readonly [HedgeOptions, string]>([
    [{ maxExtraLoad: -0.1 }, "hedge: maxExtraLoad must be a number of at least 0 and below 1 (got -0.1)"],
    [{ maxExtraLoad: 1 }, "hedge: maxExtraLoad must be a number of at least 0 and below 1 (got 1)"],
    [{ maxExtraLoad: NaN }, "hedge: maxExtraLoad must be a number of at least 0 and below 1 (got NaN)"],
    [{ windowMs: 9 }, "hedge: windowMs must be a number of at least 10 (got 9)"],
    [{ windowMs: Infinity }, "hedge: windowMs must be a number of at least 10 (got Infinity)"],
    [{ minSamples: 0 }, "hedge: minSamples must be an integer of at least 1 (got 0)"],
    [{ minSamples: 1.5 }, "hedge: minSamples must be an integer of at least 1 (got 1.5)"],
  ])("refuses %j", (options, message) => {
    expect(() => hedge(options)).toThrow(new RangeError(message));
  });
});

describe("types", () => {
  const origin = mockService<Replayable & { readonly path: string }, string, Down>().service;

  test("leaves the error type unchanged", () => {
    const stack = new ServiceBuilder<Replayable & { readonly path: string }>().layer(hedge()).service(origin);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<ErrorOf<typeof origin>>();
  });

  test("requires a Replayable request", () => {
    const builder = new ServiceBuilder<{ readonly path: string }>();
    // @ts-expect-error: Property 'replay' is missing in type '{ readonly path: string; }' but required in type 'Replayable'.
    builder.layer(hedge());
  });

  test("observer functions are optional", () => {
    expectTypeOf<{}>().toExtend<HedgeObserver>();
  });
});

test("defect: a late local refusal counted as upstream latency", async () => {
  const { clock, mock, call, traffic, state } = bench();
  await traffic(2);
  const before = mock.calls.length;
  const results = Array.from({ length: 10 }, () => call());
  await clock.advance(400);
  for (const { fail } of mock.calls.slice(before)) {
    fail({ _tag: "Down", origin: "local", retryable: false } as never);
  }
  await Promise.all(results);
  await clock.advance(700);
  // The period has no samples of the upstream.
  expect(state()?.["delayMs"]).toBeNull();
});
