import { type HttpResponse } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { dataFrame, frame, frameType, resetFrame } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { errorCode } from "../../src/http2/error-codes.ts";
import { goawayOf, settingsFrame, windowUpdate } from "../http2/wire.ts";
import { get, post } from "./conversation.ts";
import { opened } from "./in-process.ts";

const never = (): Promise<HttpResponse> => new Promise(() => {});
const repeated = (count: number, of: (n: number) => readonly Buffer[]): Buffer[] =>
  Array.from({ length: count }, (_, n) => of(n)).flat();
const id = (n: number): number => 2 * n + 1;

describe("a client is sent ENHANCE_YOUR_CALM for a flood of", () => {
  const reset = errorCode.cancel;

  test.each<[string, readonly Buffer[], (n: number) => readonly Buffer[]]>([
    ["PING", [], () => [frame(frameType.ping, 0, 0, Buffer.alloc(8))]],
    ["acknowledged PING", [], () => [frame(frameType.ping, 1, 0, Buffer.alloc(8))]],
    ["SETTINGS", [], () => [settingsFrame([4, 100])]],
    ["PRIORITY", [], (n) => [frame(frameType.priority, 0, id(n), Buffer.alloc(5))]],
    ["WINDOW_UPDATE", [], () => [windowUpdate(0, 1)]],
    ["unknown frames", [], () => [frame(0xee, 0, 0, Buffer.alloc(8))]],
    ["empty DATA", [post(1, "/")], () => [dataFrame(1, "", false)]],
    ["RST_STREAM of a closed stream", [get(1), resetFrame(1, reset)], () => [resetFrame(1, reset)]],
    ["cancelled requests (CVE-2023-44487)", [], (n) => [get(id(n)), resetFrame(id(n), reset)]],
    [
      "requests whose resets the client provokes (CVE-2025-8671)",
      [],
      (n) => [get(id(n)), windowUpdate(id(n), 0)],
    ],
    ["requests beyond the limit of streams", repeated(100, (n) => [get(id(n))]), (n) => [get(id(100 + n))]],
  ])("%s", async (_what, before, flood) => {
    // Nothing is renewed: time does not pass.
    const { wire, counts } = await opened(never, virtualClock());
    wire.feed(...before, ...repeated(900, flood));
    expect(goawayOf(await wire.sent())).toBeUndefined();
    wire.feed(...repeated(200, (n) => flood(900 + n)));
    expect(goawayOf(await wire.sent())).toBe(errorCode.enhanceYourCalm);
    expect(counts.inFlight).toBe(0);
  });
});

test("1,000 streams may be cancelled at once, and 33 per second", async () => {
  const clock = virtualClock();
  const { wire } = await opened(never, clock);
  let next = 0;
  const cancel = (count: number): void =>
    wire.feed(...repeated(count, () => [get(id(next)), resetFrame(id(next++), errorCode.cancel)]));
  cancel(1_000);
  for (let second = 0; second < 10; second++) {
    await clock.advance(1_000);
    cancel(33);
  }
  expect(goawayOf(await wire.sent())).toBeUndefined();
  cancel(34);
  expect(goawayOf(await wire.sent())).toBe(errorCode.enhanceYourCalm);
});

test("a request that is cancelled with what follows it never reaches the stack", async () => {
  const { wire, counts } = await opened(never);
  wire.feed(get(1), get(3), resetFrame(1, errorCode.cancel));
  expect([counts.calls, counts.inFlight]).toEqual([1, 1]);
  wire.destroy();
});
