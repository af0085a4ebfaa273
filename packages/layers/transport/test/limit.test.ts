import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { transportFault } from "../src/faults.ts";
import { Limit } from "../src/limit.ts";

function bench() {
  const clock = virtualClock();
  const state = { stoppedMs: 0 };
  const limit = new Limit({ ...clock, now: () => clock.now() + state.stoppedMs });
  const passed: Error[] = [];
  return { clock, state, limit, passed, set: () => limit.set(100, "LATE", (error) => passed.push(error)) };
}

const terms = { upstream: "http://a", headersTimeoutMs: 100, canResend: false };
const originOf = (error: Error | undefined, connected: boolean): string =>
  transportFault(error as Error, { ...terms, connected }).origin;

describe("Limit", () => {
  test("fires once with its code", async () => {
    const { clock, passed, set } = bench();
    set();
    await clock.advance(99);
    expect(passed).toEqual([]);
    await clock.advance(1_000);
    expect(passed).toMatchObject([{ code: "LATE" }]);
    expect([originOf(passed[0], false), originOf(passed[0], true)]).toEqual(["upstream", "upstream"]);
    expect(clock.pending).toBe(0);
  });

  test("defect: counted against the origin after a stall of this process", async () => {
    const { clock, state, passed, set } = bench();
    set();
    state.stoppedMs = 1_001;
    await clock.advance(100);
    // Pending data is read first.
    expect(passed).toEqual([]);
    await clock.advance(1);
    expect(passed).toMatchObject([{ code: "LATE" }]);
    expect([originOf(passed[0], false), originOf(passed[0], true)]).toEqual(["local", "local"]);
  });

  test("does not fire if data arrives after a stall of this process", async () => {
    const { clock, state, limit, passed, set } = bench();
    set();
    state.stoppedMs = 60_000;
    await clock.advance(100);
    limit.clear();
    await clock.advance(1_000);
    expect([passed, clock.pending]).toEqual([[], 0]);
  });
});
