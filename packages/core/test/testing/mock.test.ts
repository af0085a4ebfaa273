import { getEventListeners } from "node:events";
import { left, oneshot, right } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

describe("mockService", () => {
  test("returns the calls in order, to be answered in any order", async () => {
    const mock = mockService<string, number, "bad">();
    const { signal } = new AbortController();
    const results = [mock.service.call("a", signal), mock.service.call("b"), mock.service.call("c")];
    const [a, b, c] = [await mock.next(), await mock.next(), await mock.next()];
    expect([a.request, b.request, c.request, a.signal, b.signal]).toEqual(["a", "b", "c", signal, undefined]);
    const defect = new Error("a defect");
    c.reject(defect);
    b.fail("bad");
    a.answer(1);
    await expect(results[2]).rejects.toBe(defect);
    expect(await Promise.all(results.slice(0, 2))).toEqual([right(1), left("bad")]);
  });

  test("waits for a call that arrives when everything has settled", async () => {
    const mock = mockService<string, number>();
    void settled().then(() => mock.service.call("not yet"));
    void Promise.resolve().then(() => mock.service.call("soon"));
    expect((await mock.next()).request).toBe("soon");
  });

  test("names the mock when no call arrives", async () => {
    await expect(mockService().next()).rejects.toThrow("mock: expected a call, none came");
    await expect(mockService("origin").next()).rejects.toThrow("origin: expected a call, none came");
  });

  test("reports the number of unexpected calls", async () => {
    const mock = mockService<string, number>("origin");
    await mock.expectNoCall();
    void mock.service.call("a");
    void mock.service.call("b");
    await expect(mock.expectNoCall()).rejects.toThrow("origin: expected no call, 2 came");
    await mock.next();
    await mock.next();
    await mock.expectNoCall();
  });

  test("counts calls in flight and shows them in its description", async () => {
    const mock = mockService<string, number>("origin");
    void mock.service.call("a");
    void mock.service.call("b");
    expect(mock.inFlight).toBe(2);
    (await mock.next()).answer(1);
    expect(mock.inFlight).toBe(1);
    expect(mock.service.describe()).toEqual({ name: "origin", state: { inFlight: 1 } });
  });

  test("settles a call once", async () => {
    const mock = mockService<string, number, "bad">();
    const result = mock.service.call("a");
    const call = await mock.next();
    call.answer(1);
    call.fail("bad");
    call.answer(2);
    expect(await result).toEqual(right(1));
    expect(mock.inFlight).toBe(0);
  });

  test("settles with Aborted on an abort and removes its listener", async () => {
    const mock = mockService<string, number>();
    const { abort, signal } = aborting();
    const result = mock.service.call("a", signal);
    abort();
    expect(mock.inFlight).toBe(0);
    expect(await result).toEqual(
      left({ _tag: "Aborted", origin: "local", retryable: false, cause: "enough" }),
    );
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("settles with Aborted at once if the signal is already aborted", async () => {
    const mock = mockService<string, number>();
    expect(await mock.service.call("a", AbortSignal.abort())).toMatchObject(left({ _tag: "Aborted" }));
    expect(mock.inFlight).toBe(0);
  });

  test("removes its listener when it is answered", async () => {
    const mock = mockService<string, number>();
    const { signal } = aborting();
    void mock.service.call("a", signal);
    expect(getEventListeners(signal, "abort").length).toBe(1);
    (await mock.next()).answer(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("admits any number of calls by default", () => {
    const mock = mockService<string, number>();
    for (let n = 0; n < 100; n++) void mock.service.call("a");
    expect(mock.service.ready()).toBeUndefined();
    expect(mock.uninvited).toBe(0);
  });

  test("holds readiness back and releases it", async () => {
    const mock = mockService<string, number>();
    mock.admit(0);
    void oneshot(mock.service, "a");
    void oneshot(mock.service, "b");
    await mock.expectNoCall();
    mock.admit(1);
    expect((await mock.next()).request).toBe("a");
    await mock.expectNoCall();
    mock.admit(Infinity);
    expect((await mock.next()).request).toBe("b");
  });

  test("wakes a waiter when a call has been settled", async () => {
    const mock = mockService<string, number>();
    mock.admit(1);
    void oneshot(mock.service, "a");
    void oneshot(mock.service, "b");
    (await mock.next()).answer(1);
    expect((await mock.next()).request).toBe("b");
  });

  test("counts calls made while it is not ready", () => {
    const mock = mockService<string, number>();
    mock.admit(1);
    void mock.service.call("invited");
    expect(mock.uninvited).toBe(0);
    void mock.service.call("uninvited");
    expect(mock.uninvited).toBe(1);
  });
});

function aborting() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort("enough") };
}
