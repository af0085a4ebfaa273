import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, type Finished } from "../../command.ts";
import { readManifest, root, type Package } from "../../workspace.ts";
import { exited, type Outcome } from "../outcome.ts";
import { tarball } from "./tarball.ts";

/** The empty project's folder. */
export function projectIn(directory: string): string {
  return join(directory, "project");
}

/** A package's entry points: `@pagoda/core`, `@pagoda/core/testing`. */
export function entriesOf(one: Package): string[] {
  return Object.keys(one.manifest.exports ?? {})
    .filter((path) => path !== "./package.json")
    .map((path) => one.name + path.slice(1));
}

/** Installs with npm, as most users do; the tarballs stand in for the registry. */
export function install(all: readonly Package[], directory: string): Promise<Finished> {
  const project = projectIn(directory);
  const tarballs = Object.fromEntries(all.map((one) => [one.name, `file:${tarball(one, directory)}`]));
  const nodeTypes = readManifest(root).devDependencies?.["@types/node"] ?? "*";
  mkdirSync(project);
  const manifest = {
    private: true,
    type: "module",
    dependencies: tarballs,
    devDependencies: { "@types/node": nodeTypes },
    overrides: Object.fromEntries(all.map((one) => [one.name, `$${one.name}`])),
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest, undefined, 2));
  return installQuietly(project);
}

/** Installs the project's dependencies with npm. */
export function installQuietly(project: string): Promise<Finished> {
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"];
  return command("npm", ["install", ...quiet], { cwd: project });
}

/** A program that imports each of its arguments. */
export const importAll = `
for (const entry of process.argv.slice(2)) {
  const names = Object.keys(await import(entry));
  if (names.length === 0) throw new Error(entry + " exports nothing");
}
`;

/** Compiles users' files against the installed types, without skipLibCheck. */
export async function typesOutcomes(all: readonly Package[], directory: string): Promise<Outcome[]> {
  const isOfDom = ({ manifest }: Package): boolean => "@connectrpc/connect" in (manifest.dependencies ?? {});
  const lib = ["es2024", "esnext.disposable"];
  return [
    await typesOutcome(
      "types as installed",
      all.filter((one) => !isOfDom(one)),
      directory,
      lib,
    ),
    // Connect's own types name those of fetch, some of which Node's do not declare.
    await typesOutcome("types as installed, with Connect", all.filter(isOfDom), directory, [...lib, "dom"]),
  ];
}

async function typesOutcome(
  name: string,
  all: readonly Package[],
  directory: string,
  lib: readonly string[],
): Promise<Outcome> {
  const project = projectIn(directory);
  const lines = all.flatMap(entriesOf).map((entry, index) => `export * as entry${index} from "${entry}";`);
  writeFileSync(join(project, "consumer.ts"), `${lines.join("\n")}\n`);
  const compilerOptions = {
    target: "es2024",
    lib,
    module: "nodenext",
    types: ["node"],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
  return exited(name, await command("tsc", ["-p", ".", "--pretty", "false"], { cwd: project }));
}
