import { left, right, service, type Service } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import {
  memoryStore,
  type RateLimited,
  rateLimit,
  type Rates,
  type Store,
  type SyncStore,
} from "@pagoda/rate-limit";
import { describe, expect, test } from "vitest";
import { bench, later } from "./bench.ts";

const key = (request: string): string => request;
const ample = { perSecond: 1_000, burst: 1_000 };

function refusal(limit: "global" | "keyed", retryAfterMs: number, perSecond: number, burst: number) {
  return left({
    _tag: "RateLimited",
    origin: "local",
    retryable: true,
    retryAfterMs,
    limit,
    perSecond,
    burst,
  });
}

test("the observer of an admitted call learns what is left of the limit with less", async () => {
  const seen: unknown[] = [];
  const { clock, admits } = bench({
    global: { perSecond: 1, burst: 5 },
    keyed: { perSecond: 1, burst: 3, key },
    observer: { admitted: ({ limit, left, burst }, request) => seen.push([request, limit, left, burst]) },
  });
  for (const request of ["a", "a", "b", "b", "a", "a"]) await admits(request);
  expect(seen.splice(0)).toEqual([
    ["a", "keyed", 2, 3],
    ["a", "keyed", 1, 3],
    // As many are left of both.
    ["b", "global", 2, 5],
    ["b", "global", 1, 5],
    ["a", "global", 0, 5],
  ]);
  await clock.advance(1_000);
  await admits("c");
  expect(seen).toEqual([["c", "global", 0, 5]]);
});

test("the rate of a refusal is that of the share that decided", async () => {
  const refusing = (share: number) => (): SyncStore => ({
    take: () => ({ limit: "global", retryAfterMs: 5, share }),
    globalWaitMs: () => 0,
    state: () => ({}),
  });
  const { layered } = bench({ global: { perSecond: 10, burst: 8 }, store: refusing(0.25) });
  expect(await layered.call("a")).toMatchObject(left({ perSecond: 2.5, burst: 2, share: 0.25 }));
  const denied = bench({ global: { perSecond: 10, burst: 8 }, store: refusing(0) });
  expect(await denied.layered.call("a")).toMatchObject(left({ perSecond: 10, burst: 8, share: 0 }));
});

describe("global limit", () => {
  conformance(test, ({ clock }) => rateLimit({ global: ample, clock }));

  test("admits a burst, then the sustained rate", async () => {
    const { clock, layered, admits } = bench({ global: { perSecond: 10, burst: 2 } });
    expect([await admits(), await admits(), await admits()]).toEqual([true, true, false]);
    expect(await layered.call("a")).toEqual(refusal("global", 100, 10, 2));
    await clock.advance(100);
    expect([await admits(), await admits()]).toEqual([true, false]);
    await clock.advance(10_000);
    expect([await admits(), await admits(), await admits()]).toEqual([true, true, false]);
  });

  test.each([
    [0.1, 1],
    [1, 1],
    [2.5, 3],
  ])("at %d per second the default burst is %d", async (perSecond, burst) => {
    const { layered } = bench({ global: { perSecond } });
    expect(layered.describe().options).toEqual({ global: { perSecond, burst } });
  });

  test("a jump of the wall clock changes nothing", async () => {
    const { clock, admits } = bench({ global: { perSecond: 1, burst: 1 } });
    await admits();
    clock.jumpWallTime(3_600_000);
    expect(await admits()).toBe(false);
    clock.jumpWallTime(-7_200_000);
    await clock.advance(1_000);
    expect(await admits()).toBe(true);
  });

  test("a refused call does not reach inner", async () => {
    const { mock, layered, admits } = bench({ global: { perSecond: 1, burst: 1 } });
    await admits();
    await layered.call("a");
    expect(mock.calls).toHaveLength(1);
  });

  test("returns inner's own promise", () => {
    const promise = Promise.resolve(right(1));
    const inner = service("inner", () => promise);
    expect(rateLimit({ global: ample, clock: virtualClock() })(inner).call("a")).toBe(promise);
  });
});

describe("keyed limit", () => {
  conformance(test, ({ clock }) => rateLimit<string>({ keyed: { ...ample, key }, clock }));

  test("keys are limited separately", async () => {
    const { layered, admits } = bench({ keyed: { perSecond: 1, burst: 1, key } });
    expect([await admits("a"), await admits("b"), await admits("a")]).toEqual([true, true, false]);
    expect(await layered.call("b")).toEqual(refusal("keyed", 1_000, 1, 1));
  });

  test("calls without a key are not limited; the empty string is a key", async () => {
    const { admits } = bench({
      keyed: { perSecond: 1, burst: 1, key: (r) => (r === "free" ? undefined : r) },
    });
    expect([await admits("free"), await admits("free")]).toEqual([true, true]);
    expect([await admits(""), await admits("")]).toEqual([true, false]);
  });

  test("passes on inner's readiness", async () => {
    const { layered, mock, admits } = bench({ keyed: { perSecond: 1, burst: 1, key } });
    await admits();
    expect(layered.ready()).toBeUndefined();
    mock.admit(0);
    expect(layered.ready()).toBeInstanceOf(Promise);
  });
});

describe("global and keyed limit", () => {
  conformance(test, ({ clock }) => rateLimit<string>({ global: ample, keyed: { ...ample, key }, clock }));

  const rates = { global: { perSecond: 10, burst: 3 }, keyed: { perSecond: 1, burst: 2, key } };

  test("a call refused by the key's limit spends nothing of the global one", async () => {
    const { admits, layered } = bench(rates);
    expect([await admits("a"), await admits("a"), await admits("a")]).toEqual([true, true, false]);
    expect(layered.describe().state).toMatchObject({ globalLeft: 1 });
    expect([await admits("b"), await admits("b")]).toEqual([true, false]);
  });

  test("a call refused by the global limit spends nothing of the key's", async () => {
    const { admits, clock, layered } = bench(rates);
    for (const each of ["a", "b", "c"]) expect(await admits(each)).toBe(true);
    expect([await admits("d"), await admits("d"), await admits("c")]).toEqual([false, false, false]);
    expect(layered.describe().state).toMatchObject({ keys: 3 });
    await clock.advance(300);
    expect([await admits("d"), await admits("d"), await admits("c")]).toEqual([true, true, true]);
  });

  test("if both refuse, the longer wait is reported", async () => {
    const { admits, layered, clock } = bench(rates);
    for (const each of ["a", "a", "b"]) await admits(each);
    expect(await layered.call("a")).toEqual(refusal("keyed", 1_000, 1, 2));
    expect(await layered.call("b")).toEqual(refusal("global", 100, 10, 3));
    await clock.advance(950);
    for (const each of ["c", "c", "d"]) await admits(each);
    expect(await layered.call("a")).toMatchObject(refusal("global", 100, 10, 3));
  });
});

describe("rateLimit", () => {
  test("reports exactly the refused calls to the observer", async () => {
    const events: [RateLimited["retryAfterMs"], string][] = [];
    const { admits } = bench({
      global: { perSecond: 1, burst: 1 },
      observer: { refused: ({ retryAfterMs }, request) => events.push([retryAfterMs, request]) },
    });
    for (const each of ["a", "b"]) await admits(each);
    expect(events).toEqual([[1_000, "b"]]);
  });

  test("turns throws of key and inner into rejections", async () => {
    const defect = new Error("a mistake");
    const fail = (): never => {
      throw defect;
    };
    const { layered } = bench({ keyed: { ...ample, key: fail } });
    await expect(layered.call("a")).rejects.toBe(defect);
    const broken: Service<string, string> = { ...service("broken", fail), call: fail };
    await expect(rateLimit({ global: ample })(broken).call("a")).rejects.toBe(defect);
  });

  test("state is per service unless a store is shared", async () => {
    const mock = mockService<string, number>();
    const clock = virtualClock();
    const global = { perSecond: 1, burst: 1 };
    const own = rateLimit({ global, clock });
    const rates: Rates = { global, keyed: undefined };
    const one = memoryStore()(rates);
    const shared = rateLimit({ global, store: () => one, clock });
    const left = (layered: Service<string, number, unknown>) => layered.describe().state?.["globalLeft"];
    const services = [own, own, shared, shared].map((layer) => layer(mock.service));
    void services[0]?.call("a");
    void services[2]?.call("a");
    expect(services.map(left)).toEqual([0, 1, 0, 0]);
    for (const call of mock.calls) call.answer(1);
  });

  test("describes limits and calls left", async () => {
    const { clock, layered, admits } = bench({
      global: { perSecond: 10, burst: 5 },
      keyed: { perSecond: 0.5, key },
    });
    for (const each of ["a", "b"]) await admits(each);
    expect(layered.describe()).toMatchObject({
      name: "rate-limit",
      options: { global: { perSecond: 10, burst: 5 }, keyed: { perSecond: 0.5, burst: 1 } },
      state: { globalLeft: 3, keys: 2, waiting: 0 },
    });
    await clock.advance(100);
    expect(layered.describe().state).toMatchObject({ globalLeft: 4 });
  });

  test.each([0, -1, NaN, Infinity, 1_000_001])("rejects %d per second", (perSecond) => {
    expect(() => rateLimit({ global: { perSecond } })).toThrow(
      new RangeError(
        `rate-limit: global.perSecond must be a number above 0 and at most 1000000 (got ${perSecond})`,
      ),
    );
    expect(() => rateLimit({ keyed: { perSecond, key } })).toThrow(
      `rate-limit: keyed.perSecond must be a number above 0 and at most 1000000 (got ${perSecond})`,
    );
  });

  test.each([0, 1.5, NaN, Infinity])("rejects %d as burst and as maxKeys", (burst) => {
    expect(() => rateLimit({ global: { perSecond: 1, burst } })).toThrow(
      `rate-limit: global.burst must be an integer from 1 to 1000000000 (got ${burst})`,
    );
    expect(() => rateLimit({ keyed: { perSecond: 1, burst, key } })).toThrow(
      `rate-limit: keyed.burst must be an integer from 1 to 1000000000 (got ${burst})`,
    );
    expect(() => memoryStore({ maxKeys: burst })).toThrow(
      `maxKeys must be an integer from 1 to 10000000 (got ${burst})`,
    );
  });

  test("rejects missing limits and an invalid maxIdleMs", () => {
    expect(() => rateLimit({})).toThrow(RangeError);
    for (const maxIdleMs of [-1, NaN, Infinity])
      expect(() => memoryStore({ maxIdleMs })).toThrow(
        `rate-limit: maxIdleMs must be a number of at least 0 (got ${maxIdleMs})`,
      );
  });
});

describe("rateLimit with an asynchronous store", () => {
  const store = (rates: Rates) => later(memoryStore()(rates));

  conformance(test, ({ clock }) => rateLimit({ global: ample, store, clock }));
  // A client that has used up its limit elsewhere.
  const exhausted = (rates: Rates): SyncStore => {
    const known = memoryStore()(rates);
    return {
      take: (of, nowMs) =>
        of === "exhausted" ? { limit: "keyed", retryAfterMs: 1_000 } : known.take(of, nowMs),
      globalWaitMs: (nowMs) => known.globalWaitMs(nowMs),
      state: (nowMs) => known.state(nowMs),
    };
  };
  const refused = { refused: () => "exhausted" };
  const own = { keyed: { ...ample, key }, store: exhausted };
  const afar = { ...own, store: (rates: Rates) => later(exhausted(rates)) };
  conformance(test, ({ clock }) => rateLimit<string>({ ...own, clock }), refused);
  conformance(test, ({ clock }) => rateLimit<string, Store>({ ...afar, clock }), refused);

  function remote() {
    const clock = virtualClock();
    const mock = mockService<string, string>();
    const layered = rateLimit({ global: { perSecond: 1, burst: 1 }, store, clock })(mock.service);
    return { mock, layered };
  }

  test("follows the store's decisions", async () => {
    const { mock, layered } = remote();
    const results = [layered.call("a"), layered.call("b")];
    (await mock.next()).answer("done");
    expect(await Promise.all(results)).toEqual([right("done"), refusal("global", 1_000, 1, 1)]);
  });

  test("waits for inner's readiness before the call", async () => {
    const { mock, layered } = remote();
    const controller = new AbortController();
    const result = layered.call("a", controller.signal);
    mock.admit(0);
    await mock.expectNoCall();
    controller.abort();
    expect(await result).toMatchObject(left({ _tag: "Aborted" }));
  });
});
