import type { Series, Simulation } from "../result.ts";
import { countText, msText } from "./format.ts";
import { type Chart, type Line, lineChart, stateChart } from "./svg.ts";

/** Draws the series of a simulation, each chart on the same scale as those of the others. */
export function charts({ series }: Simulation, all: readonly Simulation[]): readonly string[] {
  const { stepMs, origins } = series;
  const rows = Object.entries(origins).map(([name, { status }]) => ({ name, states: status }));
  return [
    ...kinds.map(({ title, lines, text }) => {
      const max = Math.max(...all.map((each) => highest(lines(each.series))));
      const chart: Chart = { title, stepMs, lines: lines(series), max: niceAbove(max), text };
      return lineChart(chart);
    }),
    stateChart("endpoints that get no calls (dark), or fail (light)", stepMs, rows),
  ];
}

interface Kind {
  readonly title: string;
  lines(series: Series): readonly Line[];
  text(value: number): string;
}

const kinds: readonly Kind[] = [
  {
    title: "requests a second",
    lines: ({ stepMs, sent, succeeded, tries }) => [
      { name: "succeeded", values: perSecond(succeeded, stepMs) },
      { name: "failed or refused", values: perSecond(minus(sent, succeeded), stepMs) },
      { name: "calls to origins", values: perSecond(tries, stepMs) },
    ],
    text: countOf,
  },
  {
    title: "latency of the requests that succeeded",
    lines: ({ p50, p99 }) => [
      { name: "p50", values: p50 },
      { name: "p99", values: p99 },
    ],
    text: msText,
  },
  {
    title: "failures a second, by status and error",
    lines: ({ stepMs, failures }) => busiest(failures, stepMs),
    text: countOf,
  },
  {
    title: "events of layers a second: retries, refusals, …",
    lines: ({ stepMs, events }) => busiest(events, stepMs),
    text: countOf,
  },
  {
    title: "calls a second to each endpoint",
    lines: ({ stepMs, origins }) =>
      Object.entries(origins).map(([name, { calls }]) => ({ name, values: perSecond(calls, stepMs) })),
    text: countOf,
  },
  {
    title: "calls at each endpoint, worked on and queued",
    lines: ({ origins }) =>
      Object.entries(origins).map(([name, { working, queued }]) => ({
        name,
        values: working.map((count, step) => count + (queued[step] ?? 0)),
      })),
    text: countOf,
  },
];

function countOf(value: number): string {
  return countText(Number(value.toPrecision(3)));
}

function perSecond(counts: readonly number[], stepMs: number): readonly number[] {
  return counts.map((count) => (count * 1_000) / stepMs);
}

function minus(all: readonly number[], others: readonly number[]): readonly number[] {
  return all.map((count, step) => count - (others[step] ?? 0));
}

/** The most frequent first. */
function busiest(all: Readonly<Record<string, readonly number[]>>, stepMs: number): readonly Line[] {
  const total = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);
  return Object.entries(all)
    .toSorted(([, a], [, b]) => total(b) - total(a))
    .map(([name, counts]) => ({ name, values: perSecond(counts, stepMs) }));
}

function highest(lines: readonly Line[]): number {
  return lines.reduce(
    (most, { values }) => values.reduce<number>((sofar, each) => Math.max(sofar, each ?? 0), most),
    0,
  );
}

/** The next number with one or two leading digits, for the axis. */
function niceAbove(value: number): number {
  if (value <= 0) return 1;
  let unit = 1;
  while (unit * 10 <= value) unit *= 10;
  while (unit > value) unit /= 10;
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * unit >= value) ?? 10) * unit;
}
