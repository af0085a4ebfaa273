import { describe, expect, test } from "vitest";
import { SampleWindow } from "../src/window.ts";

describe("SampleWindow", () => {
  test("ends with the first call after its time, if it has ten", () => {
    const window = new SampleWindow(100);
    for (let call = 0; call < 9; call++) expect(window.add(call, 10, 1, false)).toBeUndefined();
    // Nine calls after its time are too few, and ten before its time are too early.
    const early = new SampleWindow(100);
    for (let call = 0; call < 50; call++) expect(early.add(99, 10, 1, false)).toBeUndefined();
    expect(window.add(500, 10, 1, false)).toEqual({ rttMs: 10, inFlight: 1, dropped: false });
  });

  test("reports the mean latency of successes and the maximum of calls in flight", () => {
    const window = new SampleWindow(1);
    for (let call = 0; call < 8; call++) window.add(call, 10, call, false);
    window.add(8, 3, 30, true);
    expect(window.add(9, 28, 2, false)).toEqual({ rttMs: 12, inFlight: 30, dropped: true });
  });

  test("starts anew after its end, however late the next call is", () => {
    const window = new SampleWindow(100);
    for (let call = 0; call < 10; call++) window.add(call * 100, 10, 50, true);
    expect(window.add(10_000, 20, 1, false)).toBeUndefined();
    for (let call = 0; call < 8; call++) window.add(10_050, 20, 1, false);
    expect(window.add(10_100, 20, 1, false)).toEqual({ rttMs: 20, inFlight: 1, dropped: false });
  });

  test("has no latency if every call was dropped", () => {
    const window = new SampleWindow(1);
    for (let call = 0; call < 9; call++) window.add(call, 10, 1, true);
    expect(window.add(9, 10, 1, true)).toEqual({ rttMs: undefined, inFlight: 1, dropped: true });
  });

  test.each([
    [1, false],
    [2, true],
  ])("%d drops in a hundred calls count as dropped: %s", (drops, dropped) => {
    const window = new SampleWindow(100);
    for (let call = 0; call < 99; call++) window.add(0, 10, 1, call < drops);
    expect(window.add(100, 10, 1, false)).toMatchObject({ dropped });
  });

  test("lasts as long as the calls of the previous one, so that an update takes effect", () => {
    const window = new SampleWindow(100);
    for (let call = 0; call < 10; call++) window.add(call * 100, 3_000, 1, true);
    for (let call = 0; call < 20; call++)
      expect(window.add(1_000 + call * 100, 10, 1, false)).toBeUndefined();
    expect(window.add(4_000, 10, 1, false)).toBeDefined();
  });

  test("has no latency if the clock stands still", () => {
    const window = new SampleWindow(1);
    for (let call = 0; call < 10; call++) window.add(0, 0, 1, false);
    expect(window.add(1, 0, 1, false)).toEqual({ rttMs: undefined, inFlight: 1, dropped: false });
  });
});
