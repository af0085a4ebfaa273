// The proxy against others: CPU time per request of each one's whole process tree, latency, memory and start. See
// packages/bench/README.md.
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { type Footprint, footprint } from "./footprint.ts";
import { chooseCores, lacking, leaveProxyCore } from "./machine.ts";
import { measure, type Result, warmUp } from "./measure.ts";
import { type Options, readOptions } from "./options.ts";
import { type Peer, Unsupported } from "./peers/peer.ts";
import { profile } from "./profile.ts";
import { footprintTable, type Row } from "./report.ts";
import { targetTable } from "./targets.ts";
import { writeInto } from "../table-in-readme.ts";
import { type Cell, cellText, headOf, headText, writeFootprint, writeWorkload } from "./results.ts";
import { type RunningPeer, Session } from "./session.ts";
import { nearest, type Workload, workloads } from "./workloads.ts";

/** Exit code of a program that was called wrongly or lacks something. */
const usageError = 2;
/** After the start of a program, and before each of its workloads. */
const warmUpMs = { started: 2_000, again: 300 };

const options = read();
if (options === undefined) process.exitCode = usageError;
else await run(options);

async function run(chosen: Options): Promise<void> {
  const cores = chooseCores();
  leaveProxyCore(cores);
  const session = new Session(cores);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Not only once: several signals may come, and the second would end this program before what it has started.
    process.on(signal, () => void session.close().then(() => process.exit(128 + constants.signals[signal])));
  }
  try {
    await session.startOrigin();
    if (chosen.profile === undefined) await compare(session, chosen);
    else {
      const [workload] = chosen.workloads as [Workload];
      const { folder, text } = await profile(session, chosen.profile, workload, chosen.ms * chosen.rounds);
      console.log(`${text}\n\n${folder}`);
    }
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await session.close();
  }
}

async function compare(session: Session, chosen: Options): Promise<void> {
  const { rounds, ms, write, json } = chosen;
  const command = ["npm run bench:proxy --", ...process.argv.slice(2)].join(" ");
  const installed = chosen.peers.filter(isInstalled);
  const head = headOf(command, chosen.peers);
  console.log(`${headText(head)}\n\nMedians of ${rounds} rounds of ${ms} ms.`);
  const cells: Cell[] = [];
  if (chosen.measures.includes("cpu")) {
    for (const group of byTopology(chosen.workloads)) {
      for (const cell of await measureGroup(session, chosen, installed, group)) {
        cells.push(cell);
        console.log(`\n${cellText(cell)}`);
      }
      if (write) {
        for (const workload of group) {
          writeWorkload(
            head,
            chosen.parts ? `${workload.name}-parts` : workload.name,
            workload,
            cells.filter((cell) => cell.workload === workload),
          );
        }
      }
    }
  }
  const footprints = chosen.measures.includes("footprint") ? await measureFootprints(session, installed) : [];
  if (footprints.length > 0) {
    console.log(`\n### Memory and start\n\n${footprintTable(footprints)}`);
    if (write) writeFootprint(head, footprintTable(footprints));
  }
  if (write) writeInto("targets", targetTable());
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ head, rounds, ms, cells, footprints }, null, 2)}\n`);
  }
}

/** Workloads for which proxies are configured alike, so that they are started once. */
function byTopology(all: readonly Workload[]): readonly (readonly Workload[])[] {
  return Object.values(
    Object.groupBy(all, ({ front, back, isGrpc }) => `${front} ${back} ${isGrpc}`) as Record<
      string,
      Workload[]
    >,
  );
}

async function measureGroup(
  session: Session,
  chosen: Options,
  peers: readonly Peer[],
  group: readonly Workload[],
): Promise<Cell[]> {
  const cells: Cell[] = [];
  const started: Row<RunningPeer | string>[] = [];
  for (const peer of peers) {
    const { name } = peer;
    const workload = nearest(peer, group[0] as Workload);
    const label = workload === group[0] ? peer.label : `${peer.label}, HTTP/1.1 to the origin`;
    started.push({ name, label, result: await startOrReason(session, peer, workload) });
  }
  const running = started.flatMap(({ result }) => (typeof result === "string" ? [] : [result]));
  await warmUp(running, group[0] as Workload, warmUpMs.started);
  for (const workload of group) {
    for (const connections of chosen.connections) {
      console.error(`bench: ${workload.name}, ${connections} at a time`);
      const results = await measure(session, running, workload, {
        rounds: chosen.rounds,
        ms: chosen.ms,
        warmUpMs: warmUpMs.again,
        concurrency: connections,
        latency: chosen.measures.includes("latency"),
      });
      const rows = started.map(({ name, label, result }): Row<Result> => {
        if (typeof result === "string") return { name, label, result: { failure: result } };
        return { name, label, result: results[running.indexOf(result)] as Result };
      });
      cells.push({ workload, connections, rows });
    }
  }
  for (const one of running) await one.stop();
  return cells;
}

async function startOrReason(
  session: Session,
  peer: Peer,
  workload: Workload,
): Promise<RunningPeer | string> {
  try {
    return await session.startPeer(peer, workload);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof Unsupported) return message;
    return failed(peer, `not started: ${message}`);
  }
}

async function measureFootprints(
  session: Session,
  peers: readonly Peer[],
): Promise<Row<Footprint | string>[]> {
  const rows: Row<Footprint | string>[] = [];
  for (const peer of peers) {
    const { name, label } = peer;
    try {
      rows.push({ name, label, result: await footprint(session, peer, workloads[0] as Workload) });
    } catch (error) {
      rows.push({ name, label, result: failed(peer, (error as Error).message) });
    }
  }
  return rows;
}

function failed({ name }: Peer, reason: string): string {
  console.error(`bench: ${name}: ${reason}`);
  process.exitCode = 1;
  return reason;
}

/** A peer that is missing is named and skipped. */
function isInstalled(peer: Peer): boolean {
  try {
    peer.version();
    return true;
  } catch (error) {
    console.error(`bench: ${peer.name} skipped: ${(error as Error).message}`);
    return false;
  }
}

function read(): Options | undefined {
  try {
    const read = readOptions(process.argv.slice(2));
    const lack = lacking();
    if (lack === undefined) return read;
    console.error(`bench: ${lack}`);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
  }
  return undefined;
}
