import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../command.ts";
import type { Package } from "../../workspace.ts";
import { readMarkdown } from "../docs/markdown.ts";
import { exited, failed, type Outcome, passed } from "../outcome.ts";
import { installQuietly } from "./project.ts";
import { tarball } from "./tarball.ts";

/**
 * Installs a package into an empty project with what its README names and nothing else, and runs the README's examples
 * there. What a package needs and does not declare is found in the workspace, but not here.
 */
export async function aloneOutcome(
  one: Package,
  all: readonly Package[],
  directory: string,
): Promise<Outcome> {
  const name = `${one.name} alone, and the examples of its README`;
  const readme = readMarkdown(readFileSync(join(one.directory, "README.md"), "utf8"));
  const examples = readme.fences.filter(({ info }) => info === "ts");
  const installs = readme.fences.flatMap(({ info, code }) =>
    info === "sh" ? (/^npm install (.*)$/mu.exec(code)?.[1]?.split(" ") ?? []) : [],
  );
  if (examples.length === 0 || !installs.includes(one.name))
    return failed(name, "its README lacks an example, or the line that installs it");
  const unnamed = Object.keys(one.manifest.peerDependencies ?? {}).filter((peer) => !installs.includes(peer));
  if (unnamed.length > 0)
    return failed(name, `its README's install line must name its peers (${unnamed.join(", ")})`);

  const project = join(directory, `alone-${one.short}`);
  mkdirSync(project);
  const dependencies = Object.fromEntries(
    installs.map((each) => {
      const own = all.find((other) => other.name === each);
      return [each, own === undefined ? "*" : `file:${tarball(own, directory)}`];
    }),
  );
  const manifest = {
    private: true,
    type: "module",
    dependencies,
    overrides: overridesOf(installs, all, directory),
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  const installed = await installQuietly(project);
  if (installed.code !== 0) return exited(name, installed);
  for (const { line, code } of examples) {
    const file = join(project, `README.${line}.ts`);
    writeFileSync(file, `${"\n".repeat(line - 1)}${code}\n`);
    const finished = await command(process.execPath, [file], { cwd: project, timeoutMs: 20_000 });
    if (finished.code !== 0) return exited(name, finished);
  }
  return passed(name);
}

/** The tarballs name each other by version, which no registry has yet. */
function overridesOf(
  installs: readonly string[],
  all: readonly Package[],
  directory: string,
): Record<string, string> {
  const own = all.filter(({ name }) => installs.includes(name));
  const brought = new Set(own.flatMap(({ manifest }) => Object.keys(manifest.dependencies ?? {})));
  const others = all.filter(({ name }) => brought.has(name) && !installs.includes(name));
  return Object.fromEntries([
    ...own.map(({ name }) => [name, `$${name}`]),
    ...others.map((one) => [one.name, `file:${tarball(one, directory)}`]),
  ]);
}
