import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bar, chart } from "./chart.ts";
import { load, machine } from "./machine.ts";
import type { Result } from "./measure.ts";
import type { Peer } from "./peers/peer.ts";
import { cpuTable, latencyTable, partsTable, ratio, reference, type Row } from "./report.ts";
import { summaryOf } from "./sample.ts";
import type { Workload } from "./workloads.ts";

const folder = new URL("../results/", import.meta.url);
const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** The results of a workload with one number of clients. */
export interface Cell {
  readonly workload: Workload;
  readonly connections: number;
  readonly rows: readonly Row<Result>[];
}

/** What was measured, where, when and how. */
export interface Head {
  readonly date: string;
  /** The abbreviated commit, with `+` when packages differ from it. */
  readonly commit: string;
  readonly machine: string;
  /** Load average before the measurement. */
  readonly load: string;
  readonly command: string;
  readonly versions: readonly string[];
}

/** @param peers Those that are installed. */
export function headOf(command: string, peers: readonly Peer[]): Head {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "packages", ":!packages/bench") === "" ? "" : "+";
  const commit = `${git("rev-parse", "--short", "HEAD")}${changed}`;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: machine(),
    load: load(),
    command,
    versions: peers.flatMap((peer) => (peer.isMesh ? [] : [`${peer.label} ${versionOf(peer, commit)}`])),
  };
}

function versionOf(peer: Peer, commit: string): string {
  if (peer.name.startsWith("pagoda")) return `at ${commit}`;
  try {
    return peer.version();
  } catch (error) {
    return `(${(error as Error).message})`;
  }
}

/** Markdown of one cell: what each request costs, and latencies. */
export function cellText({ workload, connections, rows }: Cell): string {
  const clients = connections === 1 ? "1 request at a time" : `${connections} requests at a time`;
  const latency = latencyTable(rows);
  const parts = partsTable(rows);
  return [
    `### ${workload.title}, ${clients}`,
    cpuTable(rows, workload.responseBytes),
    ...(latency === undefined ? [] : ["At half of each one's capacity, open loop:", latency]),
    ...(parts === undefined ? [] : ["What each part costs, the mesh less the mesh without it:", parts]),
  ].join("\n\n");
}

/** Markdown of what all results of a run have in common. */
export function headText({ date, commit, machine: where, load: before, command, versions }: Head): string {
  return [
    `Written by \`${command}\` on ${date} at commit ${commit}: ${where}, load average ${before} before.`,
    `Versions: ${versions.join(", ")}.`,
  ].join("\n\n");
}

/**
 * Writes the file of a workload, and a chart of its last number of clients.
 *
 * @param name Of the file.
 */
export function writeWorkload(head: Head, name: string, { title }: Workload, cells: readonly Cell[]): void {
  const charted = cells.at(-1);
  const bars = charted === undefined ? [] : barsOf(charted.rows);
  if (charted !== undefined && bars.length > 0) {
    const subtitle = `CPU time per request (dark: user, light: kernel), ${charted.connections} at a time, ${head.commit}, ${head.date}`;
    write(`${name}.svg`, chart(title, subtitle, bars));
  }
  const image = bars.length > 0 ? [`![CPU time per request](${name}.svg)`] : [];
  write(`${name}.md`, `${[`# ${title}`, headText(head), ...image, ...cells.map(cellText)].join("\n\n")}\n`);
}

/** Writes the file with memory and start. */
export function writeFootprint(head: Head, table: string): void {
  write("footprint.md", `# Memory and start\n\n${headText(head)}\n\n${table}\n`);
}

function barsOf(rows: readonly Row<Result>[]): Bar[] {
  const first = reference(rows);
  return rows.flatMap(({ name, label, result }) => {
    if (result.samples === undefined) return [];
    const { userUs, kernelUs, cpuUs } = summaryOf(result.samples);
    const note = `${cpuUs.toFixed(1)} µs (${ratio(cpuUs, first.cpuUs)})`;
    return [{ label: label.replaceAll("`", ""), userUs, kernelUs, note, isOurs: name.startsWith("pagoda") }];
  });
}

function write(file: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(file, folder), text);
}
