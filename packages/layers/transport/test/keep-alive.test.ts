import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { KeepAlive } from "../src/http2/keep-alive.ts";

function bench() {
  const clock = virtualClock();
  const events: string[] = [];
  const state = { isUsed: true, bytesRead: 0, stoppedMs: 0 };
  const session = { ping: () => events.push(`ping at ${clock.now()}`) > 0 };
  const keepAlive = new KeepAlive(
    session,
    state as { readonly bytesRead: number },
    100,
    { isUsed: () => state.isUsed, silent: () => events.push(`silent at ${clock.now()}`) },
    { ...clock, now: () => clock.now() + state.stoppedMs },
  );
  return { clock, events, state, keepAlive };
}

describe("KeepAlive", () => {
  test("sends a PING after silence and closes after the same time again", async () => {
    const { clock, events, keepAlive } = bench();
    keepAlive.begin();
    await clock.advance(1_000);
    expect(events).toEqual(["ping at 100", "silent at 201"]);
    expect(clock.pending).toBe(0);
  });

  test("any byte counts as an answer, up to the last moment", async () => {
    const { clock, events, state, keepAlive } = bench();
    keepAlive.begin();
    await clock.advance(200);
    state.bytesRead++;
    await clock.advance(150);
    expect(events).toEqual(["ping at 100", "ping at 301"]);
  });

  test("sends no PING while data arrives or no call is in flight", async () => {
    const { clock, events, state, keepAlive } = bench();
    keepAlive.begin();
    for (let n = 0; n < 10; n++) {
      state.bytesRead++;
      await clock.advance(100);
    }
    state.isUsed = false;
    await clock.advance(1_000);
    expect([events, clock.pending]).toEqual([[], 0]);
    state.isUsed = true;
    keepAlive.begin();
    await clock.advance(100);
    expect(events).toEqual(["ping at 2100"]);
  });

  test("restarts the time after a stall of this process", async () => {
    const { clock, events, state, keepAlive } = bench();
    keepAlive.begin();
    await clock.advance(150);
    expect(events).toEqual(["ping at 100"]);
    state.stoppedMs = 60_000;
    await clock.advance(149);
    expect(events).toEqual(["ping at 100"]);
    await clock.advance(200);
    expect(events).toEqual(["ping at 100", "ping at 300", "silent at 401"]);
  });

  test("leaves no timer after stop", () => {
    const { clock, keepAlive } = bench();
    keepAlive.begin();
    keepAlive.stop();
    expect(clock.pending).toBe(0);
  });
});
