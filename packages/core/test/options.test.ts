import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Bounds,
  checkDuration,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOption,
  isOptionError,
  notShown,
  rangeError,
} from "@pagoda/core";

describe("the message of an invalid option", () => {
  test.each<[unknown, string]>([
    [0, "0"],
    [Number.NaN, "NaN"],
    [-Infinity, "-Infinity"],
    [null, "null"],
    ["1", '"1"'],
    [["a"], '["a"]'],
    [() => 1, "function"],
    ["x".repeat(1_000), `"${"x".repeat(59)}…`],
    ["https://ann:secret@a.example", '"https://(not shown)@a.example"'],
  ])("shows the value: %#", (value, shown) => {
    expect(rangeError("a: b", "an option", value)).toEqual(
      new RangeError(`a: b must be an option (got ${shown})`),
    );
  });

  test("reports a missing value", () => {
    expect(rangeError("a: b", "an option", undefined).message).toBe("a: b must be an option (missing)");
  });

  test("does not show a secret", () => {
    expect(rangeError("a: key", "a key", notShown).message).toBe("a: key must be a key (value not shown)");
  });

  test("keeps the cause", () => {
    const cause = new Error("why");
    expect(rangeError("a: b", "an option", 1, cause).cause).toBe(cause);
    expect(rangeError("a: b", "an option", 1)).not.toHaveProperty("cause");
  });

  test.each<[Bounds, string]>([
    [{}, ""],
    [{ min: 1, max: 100 }, " from 1 to 100"],
    [{ min: 1 }, " of at least 1"],
    [{ min: 1, max: Infinity }, " of at least 1, or Infinity"],
    [{ max: 5 }, " at most 5"],
    [{ above: 0 }, " above 0"],
    [{ above: 0, max: 1 }, " above 0 and at most 1"],
    [{ min: 0, below: 1 }, " of at least 0 and below 1"],
    [{ min: { baseMs: 25 }, max: 100 }, " from baseMs (25) to 100"],
    [{ above: 0, max: { maxMs: 9 } }, " above 0 and at most maxMs (9)"],
  ])("names the bounds %j", (bounds, text) => {
    expect(() => checkNumber("a: b", Number.NaN, bounds)).toThrow(
      new RangeError(`a: b must be a number${text} (got NaN)`),
    );
    expect(() => checkInteger("a: b", 1.5, bounds)).toThrow(
      new RangeError(`a: b must be an integer${text} (got 1.5)`),
    );
  });
});

const passes = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
};

describe("checks", () => {
  test("checkNumber and checkInteger enforce all bounds", () => {
    const number = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double(), fc.constant(Infinity));
    const bound = fc.option(fc.integer({ min: -5, max: 5 }), { nil: undefined });
    fc.assert(
      fc.property(number, bound, bound, bound, bound, (value, min, max, above, below) => {
        const bounds = {
          ...(min !== undefined && { min }),
          ...(max !== undefined && { max: { other: max } }),
          ...(above !== undefined && { above }),
          ...(below !== undefined && { below }),
        };
        const isWithin =
          Number.isFinite(value) &&
          value >= (min ?? value) &&
          value <= (max ?? value) &&
          (above === undefined || value > above) &&
          (below === undefined || value < below);
        expect(passes(() => checkNumber("a: b", value, bounds))).toBe(isWithin);
        expect(passes(() => checkInteger("a: b", value, bounds))).toBe(
          isWithin && Number.isSafeInteger(value),
        );
      }),
    );
  });

  test("a numeric string is not a number", () => {
    expect(passes(() => checkNumber("a: b", "1" as never))).toBe(false);
    expect(passes(() => checkInteger("a: b", "1" as never))).toBe(false);
  });

  test("Infinity is valid if it is the maximum", () => {
    expect(passes(() => checkNumber("a: b", Infinity, { min: 1, max: Infinity }))).toBe(true);
    expect(passes(() => checkInteger("a: b", Infinity, { min: 1, max: Infinity }))).toBe(true);
    expect(passes(() => checkInteger("a: b", 2 ** 53, { min: 1, max: Infinity }))).toBe(false);
  });

  test("a duration is above 0 and at most the longest timer", () => {
    const longest = 2_147_483_647;
    for (const ms of [0.1, 1, longest]) expect(passes(() => checkDuration("a: bMs", ms))).toBe(true);
    for (const ms of [0, -1, longest + 1, Infinity, Number.NaN])
      expect(() => checkDuration("a: bMs", ms)).toThrow(
        `a: bMs must be a number above 0 and at most ${longest} (got ${ms})`,
      );
    expect(passes(() => checkDuration("a: bMs", 0, { min: 0 }))).toBe(true);
    expect(() => checkDuration("a: bMs", 1, { min: { baseMs: 2 } })).toThrow(
      `a: bMs must be a number from baseMs (2) to ${longest} (got 1)`,
    );
  });

  test("one of several values", () => {
    checkOneOf("a: b", "x", ["x", "y"]);
    expect(() => checkOneOf("a: b", "z", ["x", "y", undefined])).toThrow(
      'a: b must be "x", "y" or undefined (got "z")',
    );
    expect(() => checkOneOf("a: b", 2, [1])).toThrow("a: b must be 1 (got 2)");
  });

  test("has the option and its requirement as properties", () => {
    const error = rangeError("retry: attempts", "an integer", 1.5);
    expect([error.option, error.requirement]).toEqual(["attempts", "must be an integer (got 1.5)"]);
    expect(rangeError("networks[0]", "a network", 1).option).toBe("networks[0]");
    expect([error, new RangeError("retry: attempts")].map(isOptionError)).toEqual([true, false]);
  });

  test("checkOption reports any other requirement", () => {
    checkOption("a: b", [1], true, "a list of at least one entry");
    expect(() => checkOption("a: b", [], false, "a list of at least one entry")).toThrow(
      "a: b must be a list of at least one entry (got [])",
    );
  });
});
