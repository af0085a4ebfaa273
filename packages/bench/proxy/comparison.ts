import { markdown } from "./report.ts";
import { type Sample, type Summary, summaryOf } from "./sample.ts";
import { medianOf } from "./statistics.ts";

/** The rounds of two versions with the same configuration, in the order in which they ran. */
export interface Comparison {
  readonly workload: string;
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
}

/** The proxy that both versions are compared with, in the same run. */
export interface Baseline {
  readonly label: string;
  readonly samples: readonly Sample[];
}

/**
 * A Markdown table of two versions, and the ratio of after to before: the median over pairs of rounds, one right after
 * the other, and the ratio of the least disturbed rounds.
 */
export function comparison(
  versions: { readonly before: string; readonly after: string },
  compared: readonly Comparison[],
  base: Baseline,
): string {
  const rows = compared.flatMap(({ workload, before, after }) => {
    const [was, is] = [summaryOf(before), summaryOf(after)];
    return [
      [workload, versions.before, ...cells(was, summaryOf(base.samples))],
      [workload, versions.after, ...cells(is, summaryOf(base.samples))],
      [
        workload,
        "after / before",
        ratio(is.userUs, was.userUs),
        ratio(is.kernelUs, was.kernelUs),
        pairedRatio(before, after).toFixed(3),
        "",
        ratio(is.leastCpuUs, was.leastCpuUs),
        "",
      ],
    ];
  });
  const versus = `vs ${base.label}`;
  return markdown(
    ["workload", "version", "user µs", "kernel µs", "CPU µs", versus, "least CPU µs", versus],
    [[base.label, "", ...cells(summaryOf(base.samples))], ...rows],
  );
}

/**
 * Rows for the ledger in packages/bench/README.md: what a step saved, in each configuration.
 *
 * @param load Load average before the measurement.
 */
export function ledgerRows(
  step: string,
  versions: { readonly before: string; readonly after: string },
  compared: readonly Comparison[],
  base: Baseline,
  load: string,
): string {
  const summary = summaryOf(base.samples);
  const rows = compared.map(({ workload, before, after }) => {
    const [was, is] = [summaryOf(before), summaryOf(after)];
    const change = (pick: (one: Summary) => number): string =>
      `${pick(was).toFixed(1)} → ${pick(is).toFixed(1)}`;
    return [
      step.replaceAll("|", "\\|"),
      `${versions.before} → ${versions.after}`,
      workload,
      change(({ userUs }) => userUs),
      change(({ cpuUs }) => cpuUs),
      change(({ leastCpuUs }) => leastCpuUs),
      pairedRatio(before, after).toFixed(3),
      ratio(is.leastCpuUs, was.leastCpuUs),
      `${ratio(is.leastCpuUs, summary.leastCpuUs)} ${base.label}`,
      load,
    ];
  });
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Whatever disturbs the machine for longer than a round disturbs both of a pair. */
function pairedRatio(before: readonly Sample[], after: readonly Sample[]): number {
  return medianOf(after.map(({ cpuUs }, i) => cpuUs / (before[i]?.cpuUs ?? NaN)));
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
