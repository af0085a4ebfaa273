import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../command.ts";
import { root, type Package } from "../../workspace.ts";
import { exited, failed, passed, skipped, type Outcome } from "../outcome.ts";
import { entriesOf, importAll, projectIn } from "./project.ts";

interface NodeVersion {
  readonly name: string;
  readonly binary: string;
}

/** Every release line that `engines` names; the pinned one is what runs this. */
export const nodes: readonly NodeVersion[] = [
  { name: "Node 22", binary: join(root, "node_modules/node-22/bin/node") },
  { name: "Node 24", binary: join(root, "node_modules/node-24/bin/node") },
  { name: "Node 26", binary: process.execPath },
];

/** Imports what an installed package exports, asks its programs for their version, runs its smoke script if any. */
export async function useOutcome(one: Package, node: NodeVersion, directory: string): Promise<Outcome> {
  const name = `${one.name} on ${node.name}`;
  if (!existsSync(node.binary)) return withoutNode(name, node);
  const project = projectIn(directory);
  for (const args of usesOf(one, project)) {
    const finished = await command(node.binary, args, { cwd: project, timeoutMs: 20_000 });
    if (finished.code !== 0) return exited(name, finished);
  }
  return passed(name);
}

/** Arguments of Node, a run each. */
function usesOf(one: Package, project: string): string[][] {
  const importing = join(project, "import-all.mjs");
  writeFileSync(importing, importAll);
  const programs = Object.keys(one.manifest.bin ?? {}).map((name) => join("node_modules/.bin", name));
  const uses = [[importing, ...entriesOf(one)], ...programs.map((program) => [program, "--version"])];
  const smoke = join(one.directory, "test/smoke.mjs");
  if (!existsSync(smoke)) return uses;
  const copy = join(project, `smoke-${one.short}.mjs`);
  copyFileSync(smoke, copy);
  return [...uses, [copy]];
}

function withoutNode(name: string, node: NodeVersion): Outcome {
  if (process.platform === "linux" && process.arch === "x64") return failed(name, `${node.binary}: missing`);
  return skipped(
    name,
    `its binary comes from npm for linux-x64 only; this is ${process.platform}-${process.arch}`,
  );
}
