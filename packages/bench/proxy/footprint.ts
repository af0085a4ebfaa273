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
  /** Proportional, at the end of the load. */
  readonly loadedMiB: number;
  /** What each of 4,000 connections adds after that, which have had one response. */
  readonly idleConnectionKiB: number;
}

const starts = 3;
/** Few of them are in use at a time, so that the origin's connections are not counted, too. */
const idleConnections = { groups: 80, each: 50 };
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
  // First, since a program that has just started also grows because of its first thousand requests.
  const loaded = await afterLoad(running, workload);
  const idle = await withIdleConnections(running, workload);
  await running.stop();
  return {
    startMs: medianOf(startMs),
    residentMiB: atStart.resident,
    proportionalMiB: atStart.proportional,
    loadedMiB: loaded.proportional,
    idleConnectionKiB:
      ((idle.proportional - loaded.proportional) * 1_024) / (idleConnections.groups * idleConnections.each),
  };
}

async function afterLoad({ pid, target }: RunningPeer, workload: Workload): Promise<Memory> {
  const generator = await Generator.open(target(workload), concurrency, 1);
  try {
    await generator.closed(loadMs);
  } finally {
    generator.close();
  }
  return memoryOf(pid);
}

async function withIdleConnections({ pid, target }: RunningPeer, workload: Workload): Promise<Memory> {
  const generators: Generator[] = [];
  try {
    for (let i = 0; i < idleConnections.groups; i++) {
      const generator = await Generator.open(target(workload), idleConnections.each, 1);
      generators.push(generator);
      await generator.closed(0);
    }
    return memoryOf(pid);
  } finally {
    for (const generator of generators) generator.close();
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
