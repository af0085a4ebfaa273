import { readFileSync } from "node:fs";
import { processTree } from "./cpu.ts";
import { Generator } from "./load/generator.ts";
import type { Peer } from "./peers/peer.ts";
import type { RunningPeer, Session } from "./session.ts";
import { medianOf } from "./statistics.ts";
import type { Workload } from "./workloads.ts";

/** Memory in MiB of a proxy's whole process tree, and its start. */
export interface Footprint {
  /** From the start of the process to the first complete response. */
  readonly startMs: number;
  /** After that response. */
  readonly residentMiB: number;
  /** Pages of several processes divided among them. */
  readonly proportionalMiB: number;
  /** What a thousand connections add that have had one response each. */
  readonly idleConnectionsMiB: number;
  /** Proportional, at the end of the load. */
  readonly loadedMiB: number;
}

const starts = 3;
const idleConnections = 1_000;
const loadMs = 3_000;
const concurrency = 64;

/** @throws With the reason, when the peer cannot be started or fails. */
export async function footprint(session: Session, peer: Peer, workload: Workload): Promise<Footprint> {
  const startMs: number[] = [];
  let running: RunningPeer | undefined;
  for (let i = 0; i < starts; i++) {
    await running?.stop();
    running = await session.startPeer(peer, workload);
    startMs.push(running.startedMs);
  }
  if (running === undefined) throw new Error("not started");
  const atStart = memoryOf(running.pid);
  const idle = await withClients(running, workload, idleConnections, 0);
  const loaded = await withClients(running, workload, concurrency, loadMs);
  await running.stop();
  return {
    startMs: medianOf(startMs),
    residentMiB: atStart.resident,
    proportionalMiB: atStart.proportional,
    idleConnectionsMiB: idle.proportional - atStart.proportional,
    loadedMiB: loaded.proportional,
  };
}

/** Memory while the clients are still connected. */
async function withClients(
  { pid, target }: RunningPeer,
  workload: Workload,
  clients: number,
  ms: number,
): Promise<Memory> {
  const generator = await Generator.open(target(workload), clients, 1);
  try {
    await generator.closed(ms);
    return memoryOf(pid);
  } finally {
    generator.close();
  }
}

interface Memory {
  readonly resident: number;
  readonly proportional: number;
}

function memoryOf(pid: number): Memory {
  const texts = processTree(pid).map((one) => readFileSync(`/proc/${one}/smaps_rollup`, "utf8"));
  const sum = (name: string): number =>
    texts.reduce(
      (total, text) => total + Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1_024,
      0,
    );
  return { resident: sum("Rss"), proportional: sum("Pss") };
}
