import { cpus } from "node:os";
import type { Sample } from "./measure.ts";

/** The medians of one proxy's rounds. */
export interface Result extends Sample {
  readonly name: string;
  /** The round with the least CPU time: what the program needs when nothing disturbs it. */
  readonly leastUs: number;
}

export function summarize(name: string, samples: readonly Sample[]): Result {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  return {
    name,
    userUs: of(({ userUs }) => userUs),
    kernelUs: of(({ kernelUs }) => kernelUs),
    requestsPerSecond: of(({ requestsPerSecond }) => requestsPerSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    leastUs: Math.min(...samples.map(({ userUs, kernelUs }) => userUs + kernelUs)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** A Markdown table; the first result is what the others are compared with. */
export function table(results: readonly Result[]): string {
  const [base] = results;
  const cpu = ({ userUs, kernelUs }: Result): number => userUs + kernelUs;
  const ratio = (value: number, of: number | undefined): string => (value / (of ?? NaN)).toFixed(2);
  const rows = results.map((result) => [
    result.name,
    result.userUs.toFixed(1),
    result.kernelUs.toFixed(1),
    cpu(result).toFixed(1),
    ratio(cpu(result), base && cpu(base)),
    result.leastUs.toFixed(1),
    ratio(result.leastUs, base?.leastUs),
    Math.round(result.requestsPerSecond).toString(),
    `${result.p50Ms.toFixed(2)} ms`,
    `${result.p99Ms.toFixed(2)} ms`,
  ]);
  const head = [
    "proxy",
    "user µs",
    "kernel µs",
    "CPU µs",
    `vs ${base?.name}`,
    "least CPU µs",
    `vs ${base?.name}`,
  ];
  const cells = [
    [...head, "requests/s", "p50", "p99"],
    ["---", ...head.slice(1), "", "", ""].map(() => "---"),
    ...rows,
  ];
  const machine = `Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} cores`;
  return `${machine}\n\n${cells.map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
}
