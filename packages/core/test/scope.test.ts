import { getEventListeners } from "node:events";
import { deadlineOf, Scope } from "@pagoda/core";
import { describe, expect, test } from "vitest";

describe("Scope", () => {
  test("is aborted with its caller, in the same tick and for the same reason", () => {
    const caller = new AbortController();
    const { signal } = new Scope(caller.signal);
    const reason = new Error("gone");
    caller.abort(reason);
    expect(signal.reason).toBe(reason);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });

  test("is aborted from the start if its caller is", () => {
    const { signal } = new Scope(AbortSignal.abort("early"));
    expect(signal.reason).toBe("early");
  });

  test("runs onAbort after inner's abort, and only for the caller's abort", () => {
    const told: string[] = [];
    const caller = new AbortController();
    const scope = new Scope(caller.signal, (reason) => told.push(`layer: ${reason}`));
    scope.signal.addEventListener("abort", () => told.push("inner"), { once: true });
    caller.abort("gone");
    new Scope(undefined, () => told.push("never")).abort("by itself");
    expect(told).toEqual(["inner", "layer: gone"]);
  });

  test("can be aborted alone, and then leaves no listener", () => {
    const caller = new AbortController();
    const scope = new Scope(caller.signal);
    scope.abort("enough");
    expect(scope.signal.reason).toBe("enough");
    expect(caller.signal.aborted).toBe(false);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });

  test("ignores the caller's abort after end", () => {
    const caller = new AbortController();
    const scope = new Scope(caller.signal);
    scope.end();
    caller.abort();
    expect(scope.signal.aborted).toBe(false);
  });
});

describe("deadlineOf", () => {
  test("is undefined if none was set", () => {
    expect(deadlineOf(undefined)).toBeUndefined();
    expect(deadlineOf(new AbortController().signal)).toBeUndefined();
    expect(deadlineOf(new Scope(new AbortController().signal).signal)).toBeUndefined();
  });

  test.each([
    [100, undefined, 100],
    [undefined, 100, 100],
    [100, 200, 100],
    [200, 100, 100],
  ])("outer %s, inner %s: the earlier one counts", (outside, inside, nearest) => {
    const outer = new Scope(undefined);
    outer.deadline = outside;
    const inner = new Scope(new Scope(outer.signal).signal);
    inner.deadline = inside;
    expect(deadlineOf(inner.signal)).toBe(nearest);
  });

  test("reflects a deadline that is set later", () => {
    const outer = new Scope(undefined);
    const inner = new Scope(outer.signal);
    outer.deadline = 50;
    expect(deadlineOf(inner.signal)).toBe(50);
  });
});
