import { describe, expect, test } from "vitest";
import { readOptions } from "../micro/options.ts";
import { table } from "../micro/report.ts";
import type { Subject } from "../micro/subject.ts";

const subject = (more: Partial<Subject>): Subject => ({
  what: "a check",
  prepare: () => ({ run: () => 1 }),
  ...more,
});

/** The cells of the last row. */
function row(...args: Parameters<typeof table>): string[] | undefined {
  return table(...args)
    .split("\n")
    .at(-1)
    ?.split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe("the table of the micro benchmarks", () => {
  test("shows the median and the minimum, and compares the minimum with the target", () => {
    const fast = subject({ target: { leastMillionsPerSecond: 50 }, reason: "of that" });
    expect(row([{ subject: fast, ns: [30, 20, 25] }])).toEqual([
      "a check",
      "25.0",
      "20.0",
      "50.0",
      "≥ 50 M/s",
      "yes",
    ]);
    expect(row([{ subject: fast, ns: [30, 21, 25] }])?.at(-1)).toBe("no: of that");
    const short = subject({ target: { mostNs: 20 } });
    expect(row([{ subject: short, ns: [30, 21] }])?.slice(1)).toEqual([
      "25.5",
      "21.0",
      "47.6",
      "≤ 20 ns",
      "no",
    ]);
  });

  test("subtracts the base of a row and divides by its layers", () => {
    const base = subject({ what: "base" });
    const beyond = subject({ beyond: { base: "base", layers: 10 } });
    const outcomes = [
      { subject: base, ns: [50, 40] },
      { subject: beyond, ns: [150, 140] },
    ];
    expect(row(outcomes)?.slice(1, 3)).toEqual(["10.0", "10.0"]);
  });

  test("shows why a subject has no result", () => {
    expect(row([{ subject: subject({}), failure: "it | broke\nhere" }])).toContain("it \\");
  });
});

describe("the options of the micro benchmarks", () => {
  const groups = [{ name: "core", subjects: [] }];

  test.each([
    [["--rounds", "0"], '(got "0")'],
    [["--ms", "many"], '--ms must be an integer from 1 to 60000 (got "many")'],
    [["--only", "nothing"], "there is no subject named nothing"],
    [["--write", "--only", "core"], "it goes without --only"],
    [["--unknown"], "--unknown"],
  ])("%j are refused, with the usage", (args, problem) => {
    expect(() => readOptions(args, groups)).toThrow(problem);
    expect(() => readOptions(args, groups)).toThrow("Usage: npm run bench:micro");
  });
});
