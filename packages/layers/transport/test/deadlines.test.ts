import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { ActivityTimer } from "../src/http2/activity-timer.ts";
import { Deadlines } from "../src/deadlines.ts";

function bench() {
  const clock = virtualClock();
  const state = { stoppedMs: 0 };
  const stopping = { ...clock, now: () => clock.now() + state.stoppedMs };
  const deadlines = new Deadlines(100, stopping);
  const passed: string[] = [];
  const add = (name: string) =>
    deadlines.add({
      expired: (isLocal) => passed.push(`${name} at ${clock.now()}${isLocal ? ", local" : ""}`),
    });
  return { clock, state, stopping, deadlines, passed, add };
}

describe("Deadlines", () => {
  test("expire in order, each after its own time", async () => {
    const { clock, passed, add } = bench();
    add("a");
    await clock.advance(30);
    add("b");
    add("c");
    await clock.advance(1_000);
    expect(passed).toEqual(["a at 100", "b at 130", "c at 130"]);
    expect(clock.pending).toBe(0);
  });

  test.each([0, 1, 2])("one that is removed does not expire: %d of three", async (which) => {
    const { clock, deadlines, passed, add } = bench();
    const all = ["a", "b", "c"].map(add);
    deadlines.remove(all[which] as (typeof all)[0]);
    add("d");
    await clock.advance(1_000);
    expect(passed.map(([name]) => name)).toEqual(["a", "b", "c", "d"].filter((_, at) => at !== which));
  });

  test("have one timer, which ends after the last", async () => {
    const { clock, deadlines, add } = bench();
    for (let n = 0; n < 1_000; n++) deadlines.remove(add("a"));
    expect(clock.pending).toBe(1);
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  test("those added while others expire have their whole time", async () => {
    const { clock, deadlines, passed } = bench();
    deadlines.add({ expired: () => void deadlines.add({ expired: () => passed.push(`${clock.now()}`) }) });
    await clock.advance(199);
    expect(passed).toEqual([]);
    await clock.advance(1);
    expect(passed).toEqual(["200"]);
  });

  test("after a stall of this process, pending data is read before they expire, and they are local", async () => {
    const { clock, state, deadlines, passed, add } = bench();
    add("a");
    const answered = add("b");
    state.stoppedMs = 60_000;
    await clock.advance(100);
    expect(passed).toEqual([]);
    deadlines.remove(answered);
    add("c");
    await clock.advance(1);
    expect(passed).toEqual(["a at 101, local"]);
    await clock.advance(1_000);
    expect(passed).toEqual(["a at 101, local", "c at 200"]);
    expect(clock.pending).toBe(0);
  });
});

describe("ActivityTimer", () => {
  test("fires after the time without activity", async () => {
    const { clock } = bench();
    const timer = new ActivityTimer(clock);
    const fired: number[] = [];
    timer.on("timeout", () => fired.push(clock.now()));
    timer.setTimeout(100);
    await clock.advance(60);
    timer.active();
    await clock.advance(99);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect([fired, clock.pending]).toEqual([[160], 0]);
  });

  test("0 stops it", async () => {
    const { clock } = bench();
    const timer = new ActivityTimer(clock);
    timer.on("timeout", () => expect.unreachable());
    timer.setTimeout(100);
    timer.setTimeout(0);
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
  });
});
