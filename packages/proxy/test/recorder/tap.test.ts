import { virtualClock } from "@pagoda/core/testing";
import { httpRequest, httpResponse } from "@pagoda/http";
import { expect, test } from "vitest";
import type { Recorded } from "../../src/recorder/record.ts";
import { Taps } from "../../src/recorder/tap.ts";

const query = { maxPerSecond: 2 };
const end = (endedAt: number) => ({
  request: httpRequest("http://shop.test/"),
  signal: undefined,
  response: httpResponse(200),
  fault: undefined,
  isComplete: true,
  grpcStatus: undefined,
  startedAt: endedAt,
  endedAt,
});

test("a tap collects until it is read, up to its bound, and counts the rest", () => {
  const taps = new Taps(virtualClock());
  expect(taps.read("a", query)).toEqual({ calls: [], skipped: 0 });
  let made = 0;
  const make = (): Recorded => ({ made: ++made }) as unknown as Recorded;
  for (let n = 0; n < 5; n++) taps.ended("web", end(0), undefined, make);
  expect(taps.read("a", query)).toEqual({ calls: [{ made: 1 }, { made: 2 }], skipped: 3 });
  expect(made).toBe(2);
  expect(taps.read("a", query)).toEqual({ calls: [], skipped: 0 });
});

test("two taps share the record of a call", () => {
  const taps = new Taps(virtualClock());
  taps.read("a", query);
  taps.read("b", query);
  const make = (): Recorded => ({}) as Recorded;
  taps.ended("web", end(0), undefined, make);
  expect(taps.read("a", query).calls[0]).toBe(taps.read("b", query).calls[0]);
});

test("a tap that nobody reads any more closes itself", () => {
  const taps = new Taps(virtualClock());
  taps.read("a", query);
  expect(taps.isOpen).toBe(true);
  taps.ended("web", end(5_001), undefined, () => {
    throw new Error("a closed tap takes nothing");
  });
  expect(taps.isOpen).toBe(false);
});
