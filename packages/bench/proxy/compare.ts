// Two versions of the proxy against each other: CPU time per request, in turns. See packages/bench/README.md.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { rangeError } from "@pagoda/core";
import { appendTo } from "../table-in-readme.ts";
import { type Checkout, checkout } from "./checkout.ts";
import { comparison, type Comparison, ledgerRows } from "./comparison.ts";
import { chooseCores, type Cores, lacking, leaveProxyCore, load, machine } from "./machine.ts";
import { measure, type Result } from "./measure.ts";
import { count, named } from "./options.ts";
import { nginx } from "./peers/nginx.ts";
import { type Configuration, pagoda } from "./peers/pagoda.ts";
import type { Peer } from "./peers/peer.ts";
import type { Sample } from "./sample.ts";
import { type RunningPeer, Session } from "./session.ts";
import { nearest, type Workload, workloads } from "./workloads.ts";

const usage = `Usage: npm run bench:compare -- BEFORE AFTER [options]
  BEFORE, AFTER     the folder of a checkout, or a commit of this one
  --only NAME,…     of: plain, mesh (default both)
  --workload NAME   of: ${workloads.map(({ name }) => name).join(", ")} (default small-get)
  --connections N   clients at a time (default 64)
  --ledger STEP     appends what the step saved to the ledger in packages/bench/README.md
  --starts N        how often everything is started anew (default 3)
  --rounds N        rounds after each start (default 15)
  --ms N            milliseconds of a round (default 150)`;

const warmUpMs = 2_000;
const usageError = 2;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

try {
  const options = read(process.argv.slice(2));
  const lack = lacking();
  if (lack !== undefined) throw new Error(lack);
  await run(options);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = usageError;
}

interface Options {
  readonly before: string;
  readonly after: string;
  readonly configurations: readonly Configuration[];
  readonly workload: Workload;
  readonly concurrency: number;
  readonly ledger: string | undefined;
  readonly starts: number;
  readonly rounds: number;
  readonly ms: number;
}

async function run(options: Options): Promise<void> {
  const { before, after, configurations, starts, rounds, ms } = options;
  const versions = { before: checkout(before), after: checkout(after) };
  const loadBefore = load();
  const cores = chooseCores();
  leaveProxyCore(cores);
  const subjects = [nginx, ...configurations.flatMap((configuration) => pair(versions, configuration))];
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  for (let start = 1; start <= starts; start++) {
    console.error(`bench: start ${start} of ${starts}`);
    const results = await once(subjects, options, cores);
    for (const [i, { name, label }] of subjects.entries()) {
      const result = results[i];
      if (result?.samples === undefined) throw new Error(`${label}: ${result?.failure}`);
      samples.get(name)?.push(...result.samples);
    }
  }
  const of = (name: string): readonly Sample[] => samples.get(name) ?? [];
  const baseline = { label: nginx.label, samples: of(nginx.name) };
  const compared: Comparison[] = configurations.map((workload) => ({
    workload,
    before: of(`${workload}-before`),
    after: of(`${workload}-after`),
  }));
  const names = { before: versions.before.version, after: versions.after.version };
  const text = comparison(names, compared, baseline);
  console.log(
    `${machine()}, load average ${loadBefore} before; ${options.workload.name}, ${options.concurrency} at a time, ${starts} starts of ${rounds} rounds of ${ms} ms\n\n${text}`,
  );
  if (options.ledger !== undefined) {
    appendTo("ledger", ledgerRows(options.ledger, names, compared, baseline, loadBefore));
  }
}

/** Two starts of one program can differ for as long as they run, so that each start is one sample of several. */
async function once(subjects: readonly Peer[], options: Options, cores: Cores): Promise<Result[]> {
  const session = new Session(cores);
  for (const signal of signals) {
    // Not only once: several signals may come, and the second would end this program before what it has started.
    process.on(signal, () => void session.close().then(() => process.exit(128 + constants.signals[signal])));
  }
  try {
    await session.startOrigin();
    const running: RunningPeer[] = [];
    for (const peer of subjects) running.push(await session.startPeer(peer, nearest(peer, options.workload)));
    return await measure(session, running, options.workload, { ...options, warmUpMs, latency: false });
  } finally {
    for (const signal of signals) process.removeAllListeners(signal);
    await session.close();
  }
}

function pair(versions: Readonly<Record<"before" | "after", Checkout>>, configuration: Configuration) {
  return (["before", "after"] as const).map((when) => {
    const name = `${configuration}-${when}`;
    return pagoda(versions[when].folder, configuration, {
      name,
      label: `${configuration}, ${versions[when].version}`,
    });
  });
}

function read(args: readonly string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: "string", default: "plain,mesh" },
        workload: { type: "string", default: "small-get" },
        connections: { type: "string", default: "64" },
        ledger: { type: "string" },
        starts: { type: "string", default: "3" },
        rounds: { type: "string", default: "15" },
        ms: { type: "string", default: "150" },
      },
    });
    const [before, after] = positionals;
    if (before === undefined || after === undefined || positionals.length > 2) {
      throw new Error("BEFORE and AFTER are required");
    }
    return {
      before,
      after,
      configurations: values.only.split(",").map((name) => {
        if (name === "plain" || name === "mesh") return name;
        throw rangeError("--only", "plain or mesh", name);
      }),
      workload: named("--workload", workloads, values.workload),
      concurrency: count("--connections", values.connections, 10_000),
      ledger: values.ledger,
      starts: count("--starts", values.starts, 100),
      rounds: count("--rounds", values.rounds, 1_000),
      ms: count("--ms", values.ms, 600_000),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}
