import { readFileSync, writeFileSync } from "node:fs";
import { type Either, isLeft, left, right } from "@pagoda/core";
import { problemText } from "../config/document.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Column } from "../simulation/report/text.ts";
import type { Simulation } from "../simulation/result.ts";
import type { Scenario } from "../simulation/scenario/schema.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  scenario: { type: "string", short: "s" },
  compare: { type: "string" },
  seed: { type: "string" },
  runs: { type: "string" },
  html: { type: "string" },
  alerts: { type: "string" },
  json: { type: "boolean" },
} as const;

const maxRuns = 1_000;
const maxSeed = 2 ** 32 - 1;

/** `pagoda simulate`: runs a configuration in virtual time against simulated origins. */
export const simulate: Command = {
  usage:
    "simulate [-c FILE] -s SCENARIO [--compare FILE] [--seed N] [--runs N] [--html FILE] [--alerts FILE] [--json]",
  about:
    "Runs a configuration in virtual time against the origins of a scenario. Exit code 1 if it does not do as expected.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const { config, scenario, compare, html, alerts, json = false } = flags.values;
    const [unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    if (scenario === undefined) return wrong(io, "requires a scenario: -s FILE");
    const seed = numberIn("--seed", flags.values.seed, 0, maxSeed, 1);
    if (typeof seed === "string") return wrong(io, seed);
    const runs = numberIn("--runs", flags.values.runs, 1, maxRuns, 1);
    if (typeof runs === "string") return wrong(io, runs);
    const seeds = Array.from({ length: runs }, (_, n) => (seed + n) % (maxSeed + 1));
    const subjects: Simulated[] = [];
    for (const file of compare === undefined ? [config] : [config, compare]) {
      const simulated = await simulatedWith(file, scenario, seeds, io);
      if (isLeft(simulated)) {
        for (const problem of simulated.left) io.stderr(`${problem}\n`);
        return usageError;
      }
      subjects.push(simulated.right);
    }
    return report(subjects, { html, alerts, json }, io);
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda simulate: ${message}; see pagoda --help\n`);
  return usageError;
}

/** A number, or what is wrong with it. */
function numberIn(
  flag: string,
  text: string | undefined,
  least: number,
  most: number,
  fallback: number,
): number | string {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most
    ? value
    : `${flag} must be an integer from ${least} to ${most} (got ${text})`;
}

interface Simulated {
  readonly column: Column;
  readonly scenario: Scenario;
}

/** `Left`: a line for each problem of the configuration or the scenario. */
async function simulatedWith(
  file: string | undefined,
  scenarioFile: string,
  seeds: readonly number[],
  { env }: CommandIo,
): Promise<Either<readonly string[], Simulated>> {
  const loaded = await loadConfig({ file, env });
  if (isLeft(loaded)) return loaded;
  const text = textOf(scenarioFile);
  if (isLeft(text)) return text;
  // Serving does not need it.
  const { readScenario, simulatable, simulate } = await import("../simulation/index.ts");
  const { config, policies } = loaded.right;
  const read = readScenario(text.right, config, policies);
  if (isLeft(read)) return left(read.left.map((problem) => problemText(scenarioFile, problem)));
  const { scenario } = read.right;
  const subject = simulatable(loaded.right, policies, scenario);
  const runs: Simulation[] = [];
  for (const seed of seeds) runs.push(await simulate(subject, read.right, policies, seed));
  const column = {
    title: titleOf(loaded.right),
    runs: runs as unknown as Column["runs"],
    notes: subject.notes,
  };
  return right({ column, scenario });
}

function titleOf({ file = "configuration" }: Loaded): string {
  return file;
}

function textOf(file: string): Either<readonly string[], string> {
  try {
    return right(readFileSync(file, "utf8"));
  } catch (error) {
    return left([`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
}

interface Output {
  /** Files to write. */
  readonly html: string | undefined;
  readonly alerts: string | undefined;
  readonly json: boolean;
}

async function report(
  subjects: readonly Simulated[],
  { html, alerts, json }: Output,
  io: CommandIo,
): Promise<number> {
  const { alertRules, htmlReport, textReport, unmet } = await import("../simulation/index.ts");
  const columns = subjects.map(({ column }) => column);
  // Those of the configuration itself, not of the one it is compared with.
  const [{ column, scenario }] = subjects as [Simulated];
  const missed = column.runs.flatMap((run) =>
    unmet(scenario.expect, run).map((line) => (column.runs.length > 1 ? `${line}, seed ${run.seed}` : line)),
  );
  const named = missed.map((line) => `${column.title}: ${line}`);
  if (json) io.stdout(`${JSON.stringify({ configurations: columns, unmet: missed })}\n`);
  else io.stdout(textReport(columns));
  for (const line of named) io.stderr(`${line}\n`);
  const isWritten = [
    html === undefined || write(html, htmlReport(columns, scenario.expect, named), io),
    alerts === undefined || write(alerts, alertRules(scenario.expect), io),
  ].every(Boolean);
  return missed.length > 0 || !isWritten ? 1 : 0;
}

/** Returns false if it cannot be written. */
function write(file: string, text: string, io: CommandIo): boolean {
  try {
    writeFileSync(file, text);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    io.stderr(`pagoda simulate: ${file} cannot be written: ${code}\n`);
    return false;
  }
}
