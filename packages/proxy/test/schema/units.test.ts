import * as fc from "fast-check";
import { expect, test } from "vitest";
import { address } from "../../src/config/schema/address.ts";
import { durationText } from "../../src/schema/quantities.ts";
import { duration, rate, ratio, size } from "../../src/schema/units.ts";

test.each([
  [duration, "250ms", 250],
  [duration, "90s", 90_000],
  [duration, "2m", 120_000],
  [duration, "3h", 10_800_000],
  [size, "0B", 0],
  [size, "1000B", 1_000],
  [size, "64KiB", 65_536],
  [rate, "1/h", 1 / 3_600],
  [rate, "10/m", 1 / 6],
  [rate, "0.1/s", 0.1],
  [ratio, "7%", 0.07],
  [address, "[::1]:80", { host: "::1", port: 80 }],
])("row %# reads and writes %s", (schema, text, value) => {
  expect(schema.parse(text)).toEqual(value);
  expect(schema.parse(schema.encode(value as never))).toEqual(value);
});

test.each([
  [1, "1ms"],
  [1_500, "1500ms"],
  [90_000, "90s"],
  [7_200_000, "2h"],
])("%d ms are written as %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("every quantity that is written is read back unchanged", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.integer({ min: 0, max: 1_000 }),
      (ms, bytes, thousandths) => {
        expect(duration.parse(duration.encode(ms))).toBe(ms);
        expect(size.parse(size.encode(bytes))).toBe(bytes);
        expect(ratio.parse(ratio.encode(thousandths / 1_000))).toBeCloseTo(thousandths / 1_000, 12);
      },
    ),
  );
});
