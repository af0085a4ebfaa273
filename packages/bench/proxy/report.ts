import type { CpuPerRequest } from "./cpu.ts";
import type { Load } from "./load.ts";
import { medianOf } from "./statistics.ts";

/** One round of one peer. */
export interface Sample extends CpuPerRequest, Omit<Load, "requests"> {}

/** The result of a peer: its rounds, or why it was skipped. */
export type Outcome = { readonly name: string; readonly label: string } & (
  | { readonly samples: readonly Sample[]; readonly failure?: never }
  | { readonly samples?: never; readonly failure: string }
);

const columns = [
  "proxy",
  "user µs",
  "kernel µs",
  "CPU µs",
  "vs nginx",
  "req/s",
  "p50",
  "p99",
  "least CPU µs",
  "vs nginx",
];

/** A Markdown table, `nginx` being what the others are compared with: medians, and the round with the least CPU time. */
export function table(outcomes: readonly Outcome[]): string {
  const base = outcomes.find(({ name }) => name === "nginx")?.samples;
  const rows = outcomes.map(({ label, samples, failure }) =>
    samples === undefined
      ? [label, oneLine(failure), ...columns.slice(2).map(() => "")]
      : [label, ...cells(samples, base)],
  );
  return [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cells(samples: readonly Sample[], base: readonly Sample[] | undefined): string[] {
  const cpu = median(samples, total);
  const least = Math.min(...samples.map(total));
  const ratio = (value: number, of: number | undefined): string =>
    of === undefined ? "" : (value / of).toFixed(2);
  return [
    median(samples, ({ userUs }) => userUs).toFixed(1),
    median(samples, ({ kernelUs }) => kernelUs).toFixed(1),
    cpu.toFixed(1),
    ratio(cpu, base && median(base, total)),
    median(samples, ({ requestsPerSecond }) => requestsPerSecond).toFixed(0),
    `${median(samples, ({ p50Ms }) => p50Ms).toFixed(2)} ms`,
    `${median(samples, ({ p99Ms }) => p99Ms).toFixed(2)} ms`,
    least.toFixed(1),
    ratio(least, base && Math.min(...base.map(total))),
  ];
}

function total({ userUs, kernelUs }: Sample): number {
  return userUs + kernelUs;
}

function median(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  return medianOf(samples.map(pick));
}

/** A bar or a line feed would be the end of a cell. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}
