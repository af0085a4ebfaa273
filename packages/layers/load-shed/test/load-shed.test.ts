import {
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
import { mockService, settled } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { loadShed, type Overloaded } from "@pagoda/load-shed";

const overloaded = left({ _tag: "Overloaded", origin: "local", retryable: true });

describe("load-shed", () => {
  conformance(test, () => loadShed(), { ready: "always" });

  test("refuses in the same tick, only while inner is not ready", async () => {
    const mock = mockService<string, number>();
    const layered = loadShed()(mock.service);
    mock.admit(1);
    const first = layered.call("a");
    expect(await layered.call("b")).toEqual(overloaded);
    (await mock.next()).answer(1);
    expect(await first).toEqual(right(1));
    const third = layered.call("c");
    (await mock.next()).answer(3);
    expect(await third).toEqual(right(3));
    expect(mock.uninvited).toBe(0);
  });

  test("is always ready", async () => {
    const mock = mockService<string, number>();
    mock.admit(0);
    const layered = loadShed()(mock.service);
    expect(layered.ready()).toBeUndefined();
    expect(await oneshot(layered, "a")).toEqual(overloaded);
    expect(mock.calls).toHaveLength(0);
  });

  test("leaves no waiter behind and does not overtake waiting callers", async () => {
    let free = 0;
    const waiting = new WaitList(() => free > 0);
    const limited = service(
      "limited",
      async () => {
        free--;
        return right("done");
      },
      { ready: () => waiting.ready() },
    );
    const layered = loadShed()(limited);
    expect(await layered.call("refused")).toEqual(overloaded);
    expect(waiting.size).toBe(0);

    const waited = whenReady(limited, () => limited.call("waits"));
    free = 1;
    // The slot is free, but it belongs to the waiter.
    expect(await layered.call("newcomer")).toEqual(overloaded);
    waiting.wake();
    expect(await waited).toEqual(right("done"));
  });

  test("returns inner's own promise", () => {
    const promise = Promise.resolve(right(1));
    const layered = loadShed()(service("leaf", () => promise));
    expect(layered.call("a")).toBe(promise);
  });

  test("turns a throw of inner into a rejection", async () => {
    const defect = new Error("thrown");
    const thrower = (): never => {
      throw defect;
    };
    await expect(loadShed()(service("leaf", thrower)).call("a")).rejects.toBe(defect);
    const answers = async () => right(1);
    await expect(loadShed()(service("leaf", answers, { ready: thrower })).call("a")).rejects.toBe(defect);
  });

  test("counts refusals and reports them to the observer", async () => {
    let refusals = 0;
    const mock = mockService<string, number>();
    const layered = loadShed({ observer: { shed: () => refusals++ } })(mock.service);
    mock.admit(1);
    const results = ["a", "b", "c"].map((request) => layered.call(request));
    (await mock.next()).answer(1);
    await Promise.all(results);
    await settled();
    expect(refusals).toBe(2);
    expect(layered.describe()).toMatchObject({ name: "load-shed", state: { shed: 2 } });
  });

  test("adds Overloaded to the error type", () => {
    expectTypeOf(loadShed()).toEqualTypeOf<Layer<unknown, unknown, Overloaded>>();
    const stack = new ServiceBuilder<string>()
      .layer(loadShed())
      .service(service<string, number, "broken">("leaf", async () => right(1)));
    expectTypeOf(stack).toEqualTypeOf<Service<string, number, Overloaded | "broken">>();
  });
});
