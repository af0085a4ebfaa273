import type { Figures, FiguresRow, FailedTries } from "./call-record.ts";
import { between, quantile, together, failedBetween } from "./figures.ts";

/**
 * Rates, errors and latencies between two readings, as a table: a line for each route, and below it one
 * for each endpoint. Without requests a line is left out. Below follow the endpoints with failed tries, which
 * the requests do not show: they were answered elsewhere.
 */
export function figuresTable(before: Figures, after: Figures): string {
  const seconds = Math.max((after.time - before.time) / 1_000, 0.001);
  const rows = between(before, after).filter(({ requests }) => requests > 0);
  const routes = Map.groupBy(rows, ({ listener, route }) => `${listener} ${route}`);
  const lines: (readonly string[])[] = [header];
  for (const [name, its] of Array.from(routes).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const endpoints = its as [FiguresRow, ...FiguresRow[]];
    lines.push([name, ...cells(together(endpoints), seconds)]);
    for (const row of endpoints.toSorted((one, other) => (one.endpoint < other.endpoint ? -1 : 1)))
      lines.push([`  ${row.endpoint === "none" ? "(no endpoint)" : row.endpoint}`, ...cells(row, seconds)]);
  }
  const requests = rows.length === 0 ? `no requests in ${seconds.toFixed(1)} s` : aligned(lines);
  const failing = failedBetween(before, after).filter(({ failed }) => failed > 0);
  return failing.length === 0 ? requests : `${requests}\n\n${failedTries(failing, seconds)}`;
}

function failedTries(failing: readonly FailedTries[], seconds: number): string {
  const worst = failing.toSorted((one, other) => other.failed - one.failed);
  return aligned([
    ["cluster, endpoint", "failed tries/s"],
    ...worst.map(({ cluster, endpoint, failed }) => [`${cluster} ${endpoint}`, perSecond(failed, seconds)]),
  ]);
}

/** Lines of cells, all of as many as the first line: text in the first column, numbers in the others. */
function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, n) => Math.max(...lines.map((line) => (line[n] as string).length)));
  return lines
    .map((line) =>
      line
        .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] as number) : cell.padStart(widths[n] as number)))
        .join("  "),
    )
    .join("\n");
}

const header: readonly string[] = ["listener, route, endpoint", "req/s", "errors", "p50", "p99", "p99.9"];

function cells(row: FiguresRow, seconds: number): readonly string[] {
  return [
    perSecond(row.requests, seconds),
    `${((row.errors / row.requests) * 100).toFixed(1)}%`,
    ...[0.5, 0.99, 0.999].map((share) => latency(row, share)),
  ];
}

function perSecond(count: number, seconds: number): string {
  const rate = count / seconds;
  return rate.toFixed(rate < 10 ? 1 : 0);
}

function latency(row: FiguresRow, share: number): string {
  const ms = quantile(row, share);
  if (ms === undefined) return "-";
  const longest = (row.bounds.at(-1) ?? 0) * 1_000;
  return `${ms >= longest ? "> " : ""}${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
