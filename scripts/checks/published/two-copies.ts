import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, hangMs } from "../../command.ts";
import { exited, type Outcome } from "../outcome.ts";
import { projectIn } from "./project.ts";

/** The packages that the program imports in both versions. */
const twice = ["access-log", "buffer", "concurrency-limit", "core", "http", "retry", "timeout", "transport"];

/**
 * Adds a second version of core, http and some layers to the empty project, as nested dependencies would, and runs stacks
 * made of both versions.
 */
export async function twoCopiesOutcome(directory: string): Promise<Outcome> {
  const project = projectIn(directory);
  const modules = join(project, "second/node_modules");
  for (const short of twice) {
    const copy = join(modules, "@pagoda", short);
    cpSync(join(project, "node_modules/@pagoda", short), copy, { recursive: true });
    const file = join(copy, "package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...manifest, version: "0.0.1-second" }));
  }
  for (const name of ["stacks.mjs", "second/copies.mjs", "copies.mjs"])
    copyFileSync(
      join(import.meta.dirname, "two-copies", name.split("/").at(-1) as string),
      join(project, name),
    );
  return exited(
    "two versions of core and http in one program",
    await command(process.execPath, ["stacks.mjs"], { cwd: project, timeoutMs: hangMs }),
  );
}
