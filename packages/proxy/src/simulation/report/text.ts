import { measurements } from "./measurements.ts";
import type { LogLine, Simulation } from "../result.ts";
import { countText, percentText, secondsText } from "./format.ts";
import { factsText, namesOf } from "./names.ts";

/** The simulations of one configuration, with different seeds. */
export interface Column {
  /** The configuration's file. */
  readonly title: string;
  readonly runs: readonly [Simulation, ...Simulation[]];
  readonly notes: readonly string[];
}

/** Lines of a timeline that are shown; all of them are in the others. */
const maxLines = 30;

/** The report for terminals. */
export function textReport(columns: readonly Column[]): string {
  const rows = [
    ["", ...columns.map(({ title }) => title)],
    ["requests", ...columns.map(({ runs }) => countText(runs[0].requests))],
    ...measurements.map(({ title, of, text }) =>
      [title].concat(columns.map(({ runs }) => spreadText(runs.map(of), text))),
    ),
    ["digest", ...columns.map(({ runs }) => runs[0].digest)],
  ];
  return `${[...table(rows), ...columns.flatMap((column) => details(column, columns.length > 1))].join("\n")}\n`;
}

/** A value, or the median with the lowest and the highest. */
export function spreadText(values: readonly number[], text: (value: number) => string): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN] = sorted;
  const high = sorted.at(-1) ?? NaN;
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
  return values.length === 1 ? text(low) : `${text(median)} (${text(low)} to ${text(high)})`;
}

/** More about the first run of a configuration. */
function details({ title, runs, notes }: Column, isOneOfSeveral: boolean): readonly string[] {
  const [first] = runs;
  const of = isOneOfSeveral ? ` of ${title}` : "";
  const run = runs.length > 1 ? `, seed ${first.seed}` : "";
  const total = first.origins.reduce((sum, { calls }) => sum + calls, 0);
  return [
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `note${of}: ${note}`)]),
    ...counts(`failures${of}${run}`, first.failures),
    ...counts(`events${of}${run}`, first.events),
    "",
    ...table([
      [`origins${of}${run}`, "calls", "share", "most at once", "most queued"],
      ...first.origins.map(({ name, calls, mostWorking, mostQueued }) => [
        name,
        countText(calls),
        percentText(total === 0 ? NaN : calls / total),
        countText(mostWorking),
        countText(mostQueued),
      ]),
    ]),
    ...(first.timeline.length === 0 ? [] : ["", `timeline${of}${run}`, ...timeline(first)]),
  ];
}

function counts(title: string, all: Readonly<Record<string, number>>): readonly string[] {
  const entries = Object.entries(all);
  if (entries.length === 0) return [];
  return ["", ...table([[title, ""], ...entries.map(([name, count]) => [name, countText(count)])])];
}

function timeline(simulation: Simulation): readonly string[] {
  const names = namesOf(simulation);
  const lines = simulation.timeline.slice(0, maxLines).map((line) => `  ${lineText(line, names)}`);
  const more = simulation.timeline.length - lines.length;
  return more > 0 ? [...lines, `  and ${more} more; see --html`] : lines;
}

function lineText({ atMs, message, facts }: LogLine, names: ReadonlyMap<string, string>): string {
  return `${secondsText(atMs).padStart(7)}  ${message}  ${factsText(facts, names)}`.trimEnd();
}

/** Columns of equal width; the first is aligned to the left. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
