import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../command.ts";
import type { Manifest, Package } from "../../workspace.ts";
import { exited, failed, type Outcome, passed } from "../outcome.ts";
import { installQuietly, projectIn } from "./project.ts";
import { tarball } from "./tarball.ts";

/** A package that users create with `npm create`. */
export interface Creation {
  /** The program and its arguments. */
  readonly program: string;
  readonly args: readonly string[];
  /** The folder that it creates. */
  readonly folder: string;
}

export const creations: readonly Creation[] = [
  { program: "create-layer", args: ["max-calls"], folder: "max-calls" },
  { program: "create-layer", args: ["@acme/max-upload", "--http"], folder: "max-upload" },
  { program: "create-policy", args: ["@acme/pagoda-api-version"], folder: "pagoda-api-version" },
];

/**
 * Creates a package in an empty folder with an installed program, then installs, tests and packs it there, and uses it
 * from its tarball.
 */
export async function createdOutcome(
  { program, args, folder }: Creation,
  all: readonly Package[],
  directory: string,
): Promise<Outcome> {
  const title = `npm create: ${program} ${args.join(" ")}`;
  const base = join(directory, "created");
  mkdirSync(base, { recursive: true });
  const made = await command(join(projectIn(directory), "node_modules/.bin", program), args, { cwd: base });
  if (made.code !== 0) return exited(title, made);

  const project = join(base, folder);
  useTarballs(project, all, directory);
  const installed = await installQuietly(project);
  if (installed.code !== 0) return failed(title, `npm install: ${installed.output}`);
  const tested = await command("npm", ["test"], { cwd: project });
  if (tested.code !== 0) return failed(title, `npm test: ${tested.output}`);
  const packed = await command("npm", ["pack", "--json"], { cwd: project });
  if (packed.code !== 0) return failed(title, `npm pack: ${packed.output}`);
  return use(title, project);
}

/** Our own packages of this working copy, which no registry has yet. */
function useTarballs(project: string, all: readonly Package[], directory: string): void {
  const file = join(project, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  const own = Object.fromEntries(all.map((one) => [one.name, `file:${tarball(one, directory)}`]));
  const used = Object.keys(manifest.devDependencies ?? {}).filter((name) => own[name] !== undefined);
  const devDependencies = {
    ...manifest.devDependencies,
    ...Object.fromEntries(used.map((name) => [name, own[name] as string])),
  };
  const others = Object.fromEntries(Object.entries(own).filter(([name]) => !used.includes(name)));
  const overrides = { ...others, ...Object.fromEntries(used.map((name) => [name, `$${name}`])) };
  const peerDependencies = Object.fromEntries(
    Object.keys(manifest.peerDependencies ?? {}).map((name) => [name, "*"]),
  );
  writeFileSync(file, JSON.stringify({ ...manifest, devDependencies, peerDependencies, overrides }, null, 2));
}

/** Imports what was packed, under its own name. */
async function use(title: string, project: string): Promise<Outcome> {
  const { name = "", exports } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Manifest;
  for (const path of ["dist/index.js", "dist/index.d.ts"])
    if (!existsSync(join(project, path))) return failed(title, `npm pack: ${path} is missing`);
  const program = `const all = await import(${JSON.stringify(name)}); if (Object.keys(all).length === 0) process.exit(1);`;
  const used = await command(process.execPath, ["--input-type=module", "--eval", program], { cwd: project });
  if (used.code !== 0) return failed(title, `import of ${name} (${JSON.stringify(exports)}): ${used.output}`);
  return passed(title);
}
