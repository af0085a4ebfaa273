import type { Footprint } from "./footprint.ts";
import type { Latency, Result } from "./measure.ts";
import { type Summary, summaryOf } from "./sample.ts";

/** A proxy's row: its label, and its result. */
export interface Row<Of> {
  readonly name: string;
  readonly label: string;
  readonly result: Of;
}

/** The first that was measured: what the others are compared with. */
export function reference(rows: readonly Row<Result>[]): Summary & { readonly label: string } {
  const first = rows.find(({ result }) => result.samples !== undefined);
  return { ...summaryOf(first?.result.samples ?? []), label: first?.label ?? "" };
}

/**
 * A Markdown table of CPU time and throughput.
 *
 * @param responseBytes Shows bytes per CPU second instead of clients' latency where bodies are large.
 */
export function cpuTable(rows: readonly Row<Result>[], responseBytes: number): string {
  const isLarge = responseBytes >= 65_536;
  const first = reference(rows);
  const versus = `vs ${first.label}`;
  const last = isLarge ? ["MB per CPU second", versus] : ["p50, saturated", "p99, saturated"];
  const columns = [
    "proxy",
    "user µs",
    "kernel µs",
    "CPU µs",
    versus,
    "least CPU µs",
    versus,
    "req/s",
    "core busy",
    ...last,
  ];
  const cells = ({ label, result }: Row<Result>): readonly string[] => {
    if (result.samples === undefined) return failed(label, result.failure, columns.length);
    const one = summaryOf(result.samples);
    const bytesPerCpuSecond = (of: Summary): number => responseBytes / of.cpuUs;
    return [
      label,
      one.userUs.toFixed(1),
      one.kernelUs.toFixed(1),
      one.cpuUs.toFixed(1),
      ratio(one.cpuUs, first.cpuUs),
      one.leastCpuUs.toFixed(1),
      ratio(one.leastCpuUs, first.leastCpuUs),
      one.requestsPerSecond.toFixed(0),
      `${(100 * one.busy).toFixed(0)}%`,
      ...(isLarge
        ? [bytesPerCpuSecond(one).toFixed(0), ratio(bytesPerCpuSecond(one), bytesPerCpuSecond(first))]
        : [`${one.p50Ms.toFixed(2)} ms`, `${one.p99Ms.toFixed(2)} ms`]),
    ];
  };
  return markdown(columns, rows.map(cells));
}

/** A Markdown table of what each proxy adds to the origin's latency; `undefined` when it was not measured. */
export function latencyTable(rows: readonly Row<Result>[]): string | undefined {
  const measured = rows.flatMap(({ label, result: { latency } }) => (latency ? [{ label, latency }] : []));
  if (measured.length === 0) return undefined;
  const added = ({ proxied, direct }: Latency, which: "p50" | "p99" | "p999"): string =>
    `${(proxied[which] - direct[which]).toFixed(2)} ms`;
  const total = (ms: number): string => `${ms.toFixed(2)} ms`;
  return markdown(
    ["proxy", "req/s", "added p50", "added p99", "added p99.9", "p50", "p99", "p99.9"],
    measured.map(({ label, latency }) => [
      label,
      latency.requestsPerSecond.toFixed(0),
      added(latency, "p50"),
      added(latency, "p99"),
      added(latency, "p999"),
      total(latency.proxied.p50),
      total(latency.proxied.p99),
      total(latency.proxied.p999),
    ]),
  );
}

/** A Markdown table of what each part of the mesh costs: the mesh, less the mesh without it. */
export function partsTable(rows: readonly Row<Result>[]): string | undefined {
  const mesh = rows.find(({ name }) => name === "pagoda-mesh")?.result.samples;
  const without = rows.filter(({ name }) => name.startsWith("without-"));
  if (mesh === undefined || without.length === 0) return undefined;
  const whole = summaryOf(mesh);
  return markdown(
    ["part of the mesh", "CPU µs", "least CPU µs"],
    without.map(({ name, label, result }) => {
      if (result.samples === undefined) return failed(label, result.failure, 3);
      const { cpuUs, leastCpuUs } = summaryOf(result.samples);
      return [
        name.replace("without-", ""),
        (whole.cpuUs - cpuUs).toFixed(1),
        (whole.leastCpuUs - leastCpuUs).toFixed(1),
      ];
    }),
  );
}

/** A Markdown table of memory and start. */
export function footprintTable(rows: readonly Row<Footprint | string>[]): string {
  const columns = [
    "proxy",
    "first response after",
    "resident at start, MiB",
    "proportional at start, MiB",
    "proportional after load, MiB",
    "per idle connection, KiB",
  ];
  return markdown(
    columns,
    rows.map(({ label, result }) =>
      typeof result === "string"
        ? failed(label, result, columns.length)
        : [
            label,
            `${result.startMs.toFixed(0)} ms`,
            result.residentMiB.toFixed(1),
            result.proportionalMiB.toFixed(1),
            result.loadedMiB.toFixed(1),
            result.idleConnectionKiB.toFixed(1),
          ],
    ),
  );
}

export function markdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

export function ratio(value: number, of: number): string {
  return (value / of).toFixed(2);
}

function failed(label: string, reason: string, columns: number): readonly string[] {
  return [label, oneLine(reason), ...Array.from({ length: columns - 2 }, () => "")];
}

/** A bar or a line feed would be the end of a cell. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}
