import { describe, expect, test } from "vitest";
import { comparison, ledgerRows } from "../proxy/comparison.ts";
import type { Sample } from "../proxy/sample.ts";

const round = (userUs: number, kernelUs: number): Sample => ({
  cpuUs: userUs + kernelUs,
  userTicks: userUs,
  kernelTicks: kernelUs,
  requestsPerSecond: 1,
  busy: 1,
  p50Ms: 1,
  p99Ms: 1,
});

describe("the comparison of two versions", () => {
  test("shows medians, the least round, and the ratio of after to before", () => {
    const text = comparison(
      { before: "aaa", after: "bbb" },
      [
        {
          workload: "plain",
          before: [round(30, 10), round(36, 12), round(33, 11)],
          after: [round(15, 15), round(11, 11), round(14, 14)],
        },
      ],
      { label: "nginx", samples: [round(5, 5)] },
    );
    const rows = text.split("\n").map((line) => line.split("|").slice(1, -1));
    expect(rows.slice(2).map((row) => row.map((cell) => cell.trim()))).toEqual([
      ["nginx", "", "5.0", "5.0", "10.0", "", "10.0", ""],
      ["plain", "aaa", "33.0", "11.0", "44.0", "4.400", "40.0", "4.000"],
      ["plain", "bbb", "14.0", "14.0", "28.0", "2.800", "22.0", "2.200"],
      ["plain", "after / before", "0.424", "1.273", "0.636", "", "0.550", ""],
    ]);
  });

  test("is a row of the ledger for each workload", () => {
    const compared = { workload: "mesh", before: [round(30, 10)], after: [round(15, 5)] };
    expect(
      ledgerRows(
        "a | b",
        { before: "aaa", after: "bbb" },
        [compared],
        { label: "nginx", samples: [round(5, 5)] },
        "0.1",
      ),
    ).toBe(
      "| a \\| b | aaa → bbb | mesh | 30.0 → 15.0 | 40.0 → 20.0 | 40.0 → 20.0 | 0.500 | 0.500 | 2.000 nginx | 0.1 |",
    );
  });
});
