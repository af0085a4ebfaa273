// All checks, the cheapest first. CONTRIBUTING.md lists the arguments.
// PAGODA_TEST=all, as in .ci/run, adds a release dry run and a trial on a bare machine, and turns tests skipped for a missing
// program into failures.
import { bare } from "./checks/bare.ts";
import { dependencies } from "./checks/dependencies.ts";
import { docs } from "./checks/docs.ts";
import { format } from "./checks/format.ts";
import { lint } from "./checks/lint.ts";
import { failed, type Outcome, type Step, withoutSkips } from "./checks/outcome.ts";
import { published } from "./checks/published.ts";
import { reference } from "./checks/reference.ts";
import { release } from "./checks/release.ts";
import { filtersOf, parseArguments, type Selection } from "./checks/selection.ts";
import { types } from "./checks/types.ts";
import { tests, watchTests } from "./checks/vitest.ts";
import { wording } from "./checks/wording.ts";
import type { Package } from "./workspace.ts";

const isComplete = process.env["PAGODA_TEST"] === "all";
const parsed = parseArguments(process.argv.slice(2));
if (typeof parsed === "string") {
  console.error(`npm test: ${parsed}`);
  finish([failed("arguments", "")]);
} else if (parsed.watch) {
  await watchTests(filtersOf(parsed.selection));
} else {
  const { selection } = parsed;
  finish(await runAll(groupsOf(selection), selection.kind === "package" ? selection.package : undefined));
}

/** Steps of a group run concurrently, because most of them use one core most of the time. */
function groupsOf(selection: Selection): readonly (readonly Step[])[] {
  const selected = tests(filtersOf(selection));
  switch (selection.kind) {
    case "bare":
      return [[bare]];
    case "files":
      return [[selected]];
    case "package":
      return [[format, lint, wording, types, dependencies], [selected], [docs]];
    case "everything": {
      const last = [docs, reference, published];
      const first = [format, lint, wording, types, dependencies];
      return [first, [selected], isComplete ? [...last, release, bare] : last];
    }
  }
}

async function runAll(groups: readonly (readonly Step[])[], scope: Package | undefined): Promise<Outcome[]> {
  const summary: string[] = [];
  const all: Outcome[] = [];
  const run = async (step: Step): Promise<void> => {
    const start = performance.now();
    const outcomes = await attempt(step, scope);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`\n── ${step.name}: ${sum(outcomes)} in ${seconds} s`);
    for (const outcome of outcomes) show(outcome);
    summary.push(`${step.name.padEnd(14)} ${seconds.padStart(6)} s   ${sum(outcomes)}`);
    all.push(...outcomes);
  };
  for (const group of groups) await Promise.all(group.map(run));
  console.log(`\n${summary.join("\n")}\n`);
  return all;
}

/** A step that crashes or runs nothing has failed. */
async function attempt(step: Step, scope: Package | undefined): Promise<readonly Outcome[]> {
  try {
    const found = await step.run(scope);
    const outcomes = isComplete ? withoutSkips(found) : found;
    return outcomes.length > 0 ? outcomes : [failed(step.name, "ran nothing")];
  } catch (error) {
    return [failed(step.name, `crashed: ${error instanceof Error ? error.stack : String(error)}`)];
  }
}

function show({ name: what, result, detail }: Outcome): void {
  if (result === "passed") return;
  const sign = result === "failed" ? "✗" : "–";
  console.log(`${sign} ${what}${detail === undefined ? "" : `\n${detail.replaceAll(/^/gmu, "    ")}`}`);
}

function count(outcomes: readonly Outcome[], result: Outcome["result"]): number {
  return outcomes.filter((one) => one.result === result).length;
}

function sum(outcomes: readonly Outcome[]): string {
  const skips = count(outcomes, "skipped");
  const line = `${count(outcomes, "passed")} passed, ${count(outcomes, "failed")} failed`;
  return skips > 0 ? `${line}, ${skips} skipped` : line;
}

function finish(outcomes: readonly Outcome[]): void {
  console.log(sum(outcomes));
  process.exitCode = count(outcomes, "failed") > 0 ? 1 : 0;
}
