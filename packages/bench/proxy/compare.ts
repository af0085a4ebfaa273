// Two versions of the proxy against each other: CPU time per request, in turns. See packages/bench/README.md.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { rangeError } from "@pagoda/core";
import { type Checkout, checkout } from "./checkout.ts";
import { comparison, type Comparison } from "./comparison.ts";
import { chooseCores, type Cores, lacking, leaveProxyCore, machine } from "./machine.ts";
import { measure } from "./measure.ts";
import { type Configuration, pagoda } from "./pagoda.ts";
import { type Peer, peers } from "./peers.ts";
import type { Sample } from "./report.ts";
import { Session } from "./session.ts";

const usage = `Usage: npm run bench:compare -- BEFORE AFTER [options]
  BEFORE, AFTER     the folder of a checkout, or a commit of this one
  --rounds N        rounds of 1 s after each start (default 3)
  --starts N        how often everything is started anew (default 3)
  --only NAME,…     of: plain, mesh (default both)`;

/** A round: the shortest that the load generator offers. */
const seconds = 1;
const warmUpSeconds = 2;
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
  readonly rounds: number;
  readonly starts: number;
  readonly configurations: readonly Configuration[];
}

async function run({ before, after, rounds, starts, configurations }: Options): Promise<void> {
  const versions = { before: checkout(before), after: checkout(after) };
  const cores = chooseCores();
  leaveProxyCore(cores);
  const subjects = [
    ...peers.filter(({ name }) => name === "nginx"),
    ...configurations.flatMap((configuration) => pair(versions, configuration)),
  ];
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  for (let start = 1; start <= starts; start++) {
    console.error(`bench: start ${start} of ${starts}`);
    for (const { name, label, ...outcome } of await once(subjects, rounds, cores)) {
      if (outcome.samples === undefined) throw new Error(`${label}: ${outcome.failure}`);
      samples.get(name)?.push(...outcome.samples);
    }
  }
  const of = (name: string): readonly Sample[] => samples.get(name) ?? [];
  const compared: Comparison[] = configurations.map((workload) => ({
    workload,
    before: of(`${workload}-before`),
    after: of(`${workload}-after`),
  }));
  const text = comparison(
    { before: versions.before.version, after: versions.after.version },
    compared,
    of("nginx"),
  );
  console.log(`${machine()}; ${starts} starts of ${rounds} rounds of ${seconds} s\n\n${text}`);
}

/** Two starts of one program can differ for as long as they run, so that each start is one sample of several. */
async function once(subjects: readonly Peer[], rounds: number, cores: Cores) {
  const session = new Session(cores);
  for (const signal of signals) {
    process.once(
      signal,
      () => void session.close().then(() => process.exit(128 + constants.signals[signal])),
    );
  }
  try {
    await session.startOrigin();
    return await measure(session, subjects, rounds, seconds, cores, warmUpSeconds);
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
        rounds: { type: "string", default: "3" },
        starts: { type: "string", default: "3" },
        only: { type: "string", default: "plain,mesh" },
      },
    });
    const [before, after] = positionals;
    if (before === undefined || after === undefined || positionals.length > 2) {
      throw new Error("BEFORE and AFTER are required");
    }
    return {
      before,
      after,
      rounds: count("--rounds", values.rounds),
      starts: count("--starts", values.starts),
      configurations: values.only.split(",").map((name) => {
        if (name === "plain" || name === "mesh") return name;
        throw rangeError("--only", "plain or mesh", name);
      }),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

function count(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value;
  throw rangeError(flag, "an integer from 1 to 100", text);
}
