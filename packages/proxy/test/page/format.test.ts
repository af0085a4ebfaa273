import { describe, expect, test } from "vitest";
import {
  bytes,
  clockTime,
  count,
  duration,
  field,
  latency,
  number,
  percent,
  rate,
  relative,
  statesText,
  workers,
} from "../../page/src/format.ts";

const noon = Date.UTC(2026, 10, 30, 12);

describe("values are shown with their units", () => {
  test.each([
    [statesText([]), "none"],
    [statesText(["expired", "valid", "valid"]), "2 valid, 1 expired"],
    [rate(0), "0/s"],
    [rate(0.03), "< 0.1/s"],
    [rate(3.44), "3.4/s"],
    [rate(12_345.6), "12,346/s"],
    [number(9.96), "10"],
    [latency(null), "–"],
    [latency(0.42), "0.4 ms"],
    [latency(999), "999 ms"],
    [latency(1_500), "1.5 s"],
    [latency(10_000, 10_000), "≥ 10 s"],
    [duration(-5), "0 s"],
    [duration(59_999), "59 s"],
    [duration(125_000), "2 min 5 s"],
    [duration(11 * 60_000 + 5_000), "11 min"],
    [duration(7_500_000), "2 h 5 min"],
    [duration(30 * 3_600_000), "1 day 6 h"],
    [duration(40 * 86_400_000), "40 days"],
    [percent(0.0004), "< 0.1%"],
    [percent(0.0042), "0.4%"],
    [percent(0.5), "50%"],
    [bytes(512), "512 B"],
    [bytes(120_400_000), "120 MB"],
    [count(1, "endpoint"), "1 endpoint"],
    [count(2, "policy", "policies"), "2 policies"],
    [workers([3]), "worker 3"],
    [workers([0, 1, 4]), "workers 0, 1 and 4"],
  ])("%s", (shown, expected) => {
    expect(shown).toBe(expected);
  });
});

test("times are relative to now, and have a date on another day", () => {
  expect(relative(noon + 12_000, noon)).toBe("in 12 s");
  expect(relative(noon - 180_000, noon)).toBe("3 min ago");
  expect(relative(noon + 500, noon)).toBe("now");
  expect(clockTime(noon, noon + 1)).toBe("12:00:00");
  expect(clockTime(noon - 86_400_000, noon)).toBe("2026-11-29 12:00");
});

test("a field of a layer's state has the unit of its name", () => {
  expect(field("retryAfterMs", 1_500)).toBe("retry after 1.5 s");
  expect(field("refusedPerSecond", 34)).toBe("refused 34/s");
  expect(field("budgetRatio", 0.2)).toBe("budget 20%");
  expect(field("inFlight", 4)).toBe("in flight 4");
  expect(field("state", "open")).toBe("state open");
  expect(field("answers", false)).toBe("not answers");
});
