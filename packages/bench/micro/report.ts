import type { Outcome } from "./measure.ts";
import type { Subject, Target } from "./subject.ts";

const columns = ["what", "ns/op", "M/s", "target", "reached"];

/** A Markdown table: the median of each subject's rounds. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ subject, ns, failure }) => {
    const { what, target } = subject;
    if (ns === undefined) return [what, "", "", shown(target), oneLine(failure)];
    const value = perOperation(subject, ns, outcomes);
    return [what, value.toFixed(1), (1_000 / value).toFixed(1), shown(target), verdict(subject, value)];
  });
  return [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function perOperation({ beyond }: Subject, ns: readonly number[], outcomes: readonly Outcome[]): number {
  if (beyond === undefined) return median(ns);
  const base = outcomes.find(({ subject }) => subject.what === beyond.base)?.ns;
  return (median(ns) - median(base ?? [])) / beyond.layers;
}

function verdict({ target, reason = "" }: Subject, ns: number): string {
  if (target === undefined) return reason;
  return meets(target, ns) ? "yes" : `no${reason && `: ${reason}`}`;
}

function meets(target: Target, ns: number): boolean {
  return "mostNs" in target ? ns <= target.mostNs : 1_000 / ns >= target.leastMillionsPerSecond;
}

function shown(target: Target | undefined): string {
  if (target === undefined) return "";
  return "mostNs" in target ? `≤ ${target.mostNs} ns` : `≥ ${target.leastMillionsPerSecond} M/s`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** A bar or a line feed would be the end of a cell. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}
