import type { Outcome } from "./measure.ts";
import type { Subject, Target } from "./subject.ts";

const columns = ["what", "ns/op", "least ns", "M/s", "target", "reached"];

/**
 * A Markdown table with the median and the minimum of each subject's rounds. The minimum is the undisturbed cost and is
 * compared with the target.
 */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ subject, ns, failure }) => {
    const { what, target } = subject;
    if (ns === undefined) return [oneLine(what), "", "", "", shown(target), oneLine(failure)];
    const usual = perOperation(subject, ns, outcomes, median);
    const least = perOperation(subject, ns, outcomes, (all) => Math.min(...all));
    // Added time has no rate, and may be too short to measure.
    const rate = subject.beyond === undefined ? (1_000 / least).toFixed(1) : "";
    return [oneLine(what), usual.toFixed(1), least.toFixed(1), rate, shown(target), verdict(subject, least)];
  });
  return [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function perOperation(
  { beyond }: Subject,
  ns: readonly number[],
  outcomes: readonly Outcome[],
  of: (all: readonly number[]) => number,
): number {
  if (beyond === undefined) return of(ns);
  const base = outcomes.find(({ subject }) => subject.what === beyond.base)?.ns;
  return (of(ns) - of(base ?? [])) / beyond.layers;
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

/** A bar or a line feed would end the cell. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}
