// The bars of what reaches across machines hold in the table that was measured last.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { percentile } from "../machines/part.ts";
import { tableOf } from "../machines/report.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const [, table = ""] = /<!-- machines -->\n([^]*)\n<!-- \/machines -->/.exec(readme) ?? [];
const rows = table
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (?:what|-+) /.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, what = "", measured = "", bar = "", reached = ""]) => ({ what, measured, bar, reached }));

function numberIn(text: string): number {
  return Number(/[\d.]+/.exec(text.replaceAll(",", ""))?.[0]);
}

test("the figures have a place in the README", () => {
  expect(readme).toMatch(/\n<!-- machines -->\n[^]*\n<!-- \/machines -->\n/);
});

test("every bar in the table is reached", () => {
  const missed = rows.filter(({ measured, bar, reached }) => {
    const [value, limit] = [numberIn(measured), numberIn(bar)];
    const holds = bar.startsWith("≤") ? value <= limit : value >= limit;
    return bar !== "" && !(holds && reached === "yes");
  });
  expect(missed).toEqual([]);
});

test("the table says which bars are reached", () => {
  const text = tableOf([
    { what: "a", value: 99.4, unit: "ms", atMost: 100 },
    { what: "b", value: 1_234.5, unit: "ms", atMost: 1_000 },
    { what: "c", value: 97.2, unit: "%", atLeast: 97 },
    { what: "d", value: 0.1234, unit: "KiB" },
  ]);
  expect(text.split("\n").slice(2)).toEqual([
    "| a | 99 ms | ≤ 100 ms | yes |",
    "| b | 1,235 ms | ≤ 1,000 ms | no |",
    "| c | 97 % | ≥ 97 % | yes |",
    "| d | 0.12 KiB |  |  |",
  ]);
});

test("a percentile is a value that was measured", () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect([0, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 50, 99, 100]);
});
