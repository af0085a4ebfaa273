import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Generator } from "./load/generator.ts";
import type { Peer } from "./peers/peer.ts";
import type { Session } from "./session.ts";
import { streamsPerConnection, type Workload } from "./workloads.ts";

/** The part of V8's format that is used here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const rows = 30;
const connections = 64;

/**
 * Profiles a single proxy that runs on Node. Profiling slows it down, so compare shares and not times.
 *
 * @returns The folder with the `.cpuprofile`, which browsers and editors show as a flame graph, and the functions with
 *   the most self time.
 */
export async function profile(session: Session, peer: Peer, workload: Workload, ms: number) {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-profile-"));
  const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=250"];
  const { target, stop } = await session.startPeer(peer, workload, flags);
  const generator = await Generator.open(target(workload), connections, streamsPerConnection(connections));
  await generator.closed(ms);
  generator.close();
  await stop();
  const profiles = readdirSync(folder).map(
    (file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile,
  );
  if (profiles.length === 0) throw new Error(`${peer.name} wrote no profile: is it run by Node?`);
  return { folder, text: hottest(profiles) };
}

/** The functions with the most self time, as shares of the time in which a thread was not idle. */
export function hottest(threads: readonly CpuProfile[]): string {
  const own = new Map<string, number>();
  for (const thread of threads) addOwn(thread, own);
  const busy = [...own.values()].reduce((sum, us) => sum + us, 0);
  return [...own]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, rows)
    .map(([name, us]) => `${((100 * us) / busy).toFixed(1).padStart(5)} %  ${name}`)
    .join("\n");
}

function addOwn({ nodes, samples, timeDeltas }: CpuProfile, own: Map<string, number>): void {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const names = new Map<number, string>();
  for (const { id, callFrame } of nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const file = url
      .replace("file://", "")
      .replace(root, "")
      .replace(/^node_modules\/.*\/node_modules\//, "");
    names.set(id, `${functionName || "(anonymous)"}  ${file === "" ? "" : `${file}:${lineNumber + 1}`}`);
  }
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? "";
    if (!name.startsWith("(idle)")) own.set(name, (own.get(name) ?? 0) + (timeDeltas[i] ?? 0));
  }
}
