import { isReady, right } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { buffer, bufferUsage } from "@pagoda/buffer";
import { rude } from "./inners.ts";

describe("buffers that share their usage", () => {
  test("hold as many calls together as one alone, each within its own capacity", async () => {
    const usage = bufferUsage();
    const clock = virtualClock();
    const [former, next] = [rude(), rude()];
    const big = buffer({ capacity: 3, usage, clock })(former.service);
    const small = buffer({ capacity: 2, usage, clock })(next.service);
    void big.call("a");
    void small.call("b");
    expect(await small.call("c")).toMatchObject({ left: { _tag: "BufferFull", capacity: 2 } });
    expect(isReady(big)).toBe(true);
    void big.call("d");
    expect(isReady(big)).toBe(false);
    former.open(2);
    next.open(1);
    await settled();
    expect([former.called, next.called]).toEqual([["a", "d"], ["b"]]);
    expect(isReady(small)).toBe(true);
  });

  test("do not block each other's calls", async () => {
    const usage = bufferUsage();
    const clock = virtualClock();
    const [stuck, free] = [rude(), rude()];
    void buffer({ capacity: 5, usage, clock })(stuck.service).call("a");
    free.open(1);
    expect(await buffer({ capacity: 5, usage, clock })(free.service).call("b")).toEqual(right("b"));
  });

  test("wake callers that wait for room, whichever buffer frees it", async () => {
    const usage = bufferUsage();
    const clock = virtualClock();
    const [former, next] = [rude(), rude()];
    void buffer({ capacity: 1, usage, clock })(former.service).call("a");
    const outside = buffer({ capacity: 1, usage, clock })(next.service).ready();
    expect(outside).toBeDefined();
    former.open(1);
    await outside;
  });
});
