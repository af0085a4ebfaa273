import { getEventListeners } from "node:events";
import { pause } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

function begin(signal?: AbortSignal) {
  const clock = virtualClock();
  const bench = { clock, over: false };
  void pause(clock, 100, signal).then(() => (bench.over = true));
  return bench;
}

describe("pause", () => {
  test("waits for the given time", async () => {
    const bench = begin();
    await bench.clock.advance(99);
    expect(bench.over).toBe(false);
    await bench.clock.advance(1);
    expect(bench.over).toBe(true);
  });

  test("ends with an abort and leaves neither timer nor listener", async () => {
    const leaving = new AbortController();
    const bench = begin(leaving.signal);
    leaving.abort();
    await settled();
    expect(bench.over).toBe(true);
    expect(bench.clock.pending).toBe(0);
    expect(getEventListeners(leaving.signal, "abort")).toHaveLength(0);
  });

  test("leaves no listener after the time has passed", async () => {
    const { signal } = new AbortController();
    const bench = begin(signal);
    await bench.clock.advance(100);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("returns at once if the signal is already aborted", async () => {
    const bench = begin(AbortSignal.abort());
    await settled();
    expect(bench.over).toBe(true);
    expect(bench.clock.pending).toBe(0);
  });
});
