import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { parseDocument } from "yaml";
import { command, pooled } from "../../command.ts";
import { root } from "../../workspace.ts";
import { exited, faultless, type Outcome } from "../outcome.ts";
import { type Document, folder } from "./examples.ts";
import type { Fence } from "./markdown.ts";

const program = join(root, "packages/proxy/src/main.ts");

/** YAML in documents is a configuration of `pagoda` unless it names another program: `yaml envoy`. */
export async function configurationOutcomes(
  base: string,
  documents: readonly Document[],
): Promise<Outcome[]> {
  const all = documents.flatMap(({ path, fences }) =>
    fences.filter(({ info }) => /^ya?ml\b/u.test(info)).map((fence) => ({ path, fence })),
  );
  try {
    return await pooled(all, availableParallelism(), ({ path, fence }) => outcome(base, path, fence));
  } finally {
    for (const { path } of all) rmSync(join(dirname(path), folder), { recursive: true, force: true });
  }
}

async function outcome(base: string, path: string, { info, line, code }: Fence): Promise<Outcome> {
  const name = `${relative(base, path)}:${line}`;
  if (info !== "yaml") {
    const { errors } = parseDocument(code);
    return faultless(
      name,
      errors.map(({ message }) => message),
    );
  }
  const file = join(dirname(path), folder, `${basename(path, ".md")}.${line}.yaml`);
  mkdirSync(dirname(file), { recursive: true });
  // Line n of the file is line n of the document.
  writeFileSync(file, `${"\n".repeat(line - 1)}${code}\n`);
  return exited(name, await command(process.execPath, [program, "check", "-c", file]));
}
