import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { command, hangMs, pnpm, pooled } from "../../command.ts";
import type { Package } from "../../workspace.ts";
import { type Fence, readMarkdown } from "../docs/markdown.ts";
import { exited, failed, type Outcome, passed } from "../outcome.ts";
import { tarball } from "./tarball.ts";

interface Alone {
  readonly one: Package;
  readonly title: string;
  /** The packages in the README's install command. */
  readonly installs: readonly string[];
  readonly examples: readonly Fence[];
}

/**
 * Installs each package into an empty project with exactly the packages that its README names, and runs the README's
 * examples there. Unlike in the workspace, nothing is hoisted and no peer is installed automatically, so undeclared
 * dependencies are found.
 */
export async function aloneOutcomes(
  some: readonly Package[],
  all: readonly Package[],
  directory: string,
): Promise<Outcome[]> {
  const read = some.map(readReadme);
  const faults = read.flatMap((alone) => readmeFault(alone) ?? []);
  if (faults.length > 0) return faults;

  const base = join(directory, "alone");
  mkdirSync(base);
  for (const { one, installs } of read) {
    const dependencies = Object.fromEntries(installs.map((name) => [name, versionOf(name, all)]));
    mkdirSync(join(base, one.short));
    const manifest = { name: one.short, private: true, type: "module", dependencies };
    writeFileSync(join(base, one.short, "package.json"), JSON.stringify(manifest));
  }
  const overrides = Object.fromEntries(all.map((each) => [each.name, `file:${tarball(each, directory)}`]));
  const workspace = { packages: ["*"], hoist: false, autoInstallPeers: false, overrides };
  writeFileSync(join(base, "package.json"), JSON.stringify({ private: true }));
  // JSON is YAML.
  writeFileSync(join(base, "pnpm-workspace.yaml"), JSON.stringify(workspace));
  const quiet = ["--prefer-offline", "--ignore-scripts", "--reporter=silent"];
  const installed = await pnpm(["install", ...quiet], { cwd: base });
  if (installed.code !== 0) return [exited("install each package alone", installed)];
  return pooled(read, availableParallelism(), (alone) => run(alone, join(base, alone.one.short)));
}

function readReadme(one: Package): Alone {
  const { fences } = readMarkdown(readFileSync(join(one.directory, "README.md"), "utf8"));
  return {
    one,
    title: `${one.name} alone, with the examples of its README`,
    examples: fences.filter(({ info }) => info === "ts"),
    installs: fences.flatMap(({ info, code }) =>
      info === "sh" ? (/^npm install (.*)$/mu.exec(code)?.[1]?.split(" ") ?? []) : [],
    ),
  };
}

function readmeFault({ one, title, examples, installs }: Alone): Outcome | undefined {
  if (examples.length === 0 || !installs.includes(one.name))
    return failed(title, "its README lacks an example, or the line that installs it");
  const unnamed = Object.keys(one.manifest.peerDependencies ?? {}).filter((peer) => !installs.includes(peer));
  return unnamed.length === 0
    ? undefined
    : failed(title, `its README's install line must name its peers (${unnamed.join(", ")})`);
}

/** Our own packages as tarballs, others in the version that everything is tested with. */
function versionOf(name: string, all: readonly Package[]): string {
  const versions = all.flatMap(
    ({ manifest }) => manifest.devDependencies?.[name] ?? manifest.dependencies?.[name] ?? [],
  );
  return versions.find((version) => !version.startsWith("workspace:")) ?? "*";
}

async function run({ title, examples }: Alone, project: string): Promise<Outcome> {
  for (const { line, code } of examples) {
    const file = join(project, `README.${line}.ts`);
    writeFileSync(file, `${"\n".repeat(line - 1)}${code}\n`);
    const finished = await command(process.execPath, [file], { cwd: project, timeoutMs: hangMs });
    if (finished.code !== 0) return exited(title, finished);
  }
  return passed(title);
}
