import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstLines, formatValue } from "@pagoda/core";

describe("a value in a message", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  let deep: unknown = 1;
  for (let n = 0; n < 100_000; n++) deep = [deep];

  test.each<[unknown, string]>([
    [undefined, "missing"],
    [null, "null"],
    ["a\n", '"a\\n"'],
    [1.5, "1.5"],
    [Infinity, "Infinity"],
    [true, "true"],
    [10n, "10"],
    [{ a: [1, "b", null] }, '{"a":[1,"b",null]}'],
    [() => 1, "function"],
    ["x".repeat(100), `"${"x".repeat(59)}…`],
    [Array.from({ length: 1_000_000 }, () => 1), `[${"1,".repeat(30).slice(0, -1)}…`],
    [{ "": "#", "a?": ["b?c#d"] }, '{"":"#","a?":["b?c#d"]}'],
    [cyclic, `${"[".repeat(16)}…${"]".repeat(16)}`],
    [deep, `${"[".repeat(16)}…${"]".repeat(16)}`],
  ])("is shown whatever its type: %#", (value, expected) => {
    expect(formatValue(value)).toBe(expected);
  });

  test("is JSON if it is short and contains no URL", () => {
    // Without these characters there is no URL, see `redactUrl`.
    const stringUnit = fc
      .string({ unit: "binary", minLength: 1, maxLength: 1 })
      .filter((one) => !/[/.:]/.test(one));
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, stringUnit }), (value) => {
        const text = JSON.stringify(value);
        expect(formatValue(value, 10_000)).toBe(Object.is(value, -0) ? "0" : text);
        expect(formatValue(value).length).toBeLessThanOrEqual(61);
      }),
    );
  });
});

test("firstLines returns the first lines and the number of the others", () => {
  const lines = Array.from({ length: 5_000 }, (_, n) => `line ${n}`);
  expect(firstLines(lines.slice(0, 100))).toEqual(lines.slice(0, 100));
  expect(firstLines(lines)).toEqual([...lines.slice(0, 100), "and 4,900 more"]);
  expect(firstLines(lines, 2)).toEqual(["line 0", "line 1", "and 4,998 more"]);
});
