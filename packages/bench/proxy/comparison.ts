import type { Sample } from "./report.ts";
import { medianOf } from "./statistics.ts";

/** The rounds of two versions with the same configuration, in the order in which they ran. */
export interface Comparison {
  readonly workload: string;
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
}

const columns = [
  "workload",
  "version",
  "user µs",
  "kernel µs",
  "CPU µs",
  "vs nginx",
  "least CPU µs",
  "vs nginx",
];

/**
 * A Markdown table of two versions, and the ratio of after to before: of the medians, and of the least disturbed rounds.
 *
 * @param nginx Rounds of nginx in the same run.
 */
export function comparison(
  versions: { readonly before: string; readonly after: string },
  compared: readonly Comparison[],
  nginx: readonly Sample[],
): string {
  const rows = compared.flatMap(({ workload, before, after }) => {
    const [was, is] = [summary(before), summary(after)];
    return [
      [workload, versions.before, ...cells(was, summary(nginx))],
      [workload, versions.after, ...cells(is, summary(nginx))],
      [
        workload,
        "after / before",
        ratio(is.userUs, was.userUs),
        ratio(is.kernelUs, was.kernelUs),
        ratio(is.cpuUs, was.cpuUs),
        "",
        ratio(is.leastCpuUs, was.leastCpuUs),
        "",
      ],
    ];
  });
  return [columns, columns.map(() => "---"), ["nginx", "", ...cells(summary(nginx))], ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

type Summary = ReturnType<typeof summary>;

/** Clock samples of one round are too few to divide it into user and kernel time: all rounds together give the share. */
function summary(samples: readonly Sample[]) {
  const cpu = samples.map(({ userUs, kernelUs }) => userUs + kernelUs);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const userShare = sum(samples.map(({ userUs }) => userUs)) / sum(cpu);
  const cpuUs = medianOf(cpu);
  return {
    userUs: cpuUs * userShare,
    kernelUs: cpuUs * (1 - userShare),
    cpuUs,
    leastCpuUs: Math.min(...cpu),
  };
}

function cells(one: Summary, base?: Summary): string[] {
  return [
    one.userUs.toFixed(1),
    one.kernelUs.toFixed(1),
    one.cpuUs.toFixed(1),
    base ? ratio(one.cpuUs, base.cpuUs) : "",
    one.leastCpuUs.toFixed(1),
    base ? ratio(one.leastCpuUs, base.leastCpuUs) : "",
  ];
}

function ratio(value: number, of: number): string {
  return (value / of).toFixed(3);
}
