import type { Figure } from "./part.ts";

/** A table with a row for each figure, and whether it reaches its bar. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, value, unit } = figure;
    return `| ${what} | ${numberOf(value)} ${unit} | ${barOf(figure)} | ${reachedBy(figure)} |`;
  });
  return ["| what | measured | bar | reached |", "| --- | --: | --- | --- |", ...rows].join("\n");
}

function barOf({ atMost, atLeast, unit }: Figure): string {
  if (atMost !== undefined) return `≤ ${numberOf(atMost)} ${unit}`;
  return atLeast === undefined ? "" : `≥ ${numberOf(atLeast)} ${unit}`;
}

function reachedBy({ value, atMost, atLeast }: Figure): string {
  if (atMost === undefined && atLeast === undefined) return "";
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) ? "yes" : "no";
}

function numberOf(value: number): string {
  const digits = Math.abs(value) < 100 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return value.toLocaleString("en-US", digits);
}
