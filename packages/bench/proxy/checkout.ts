import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cache } from "./peers/programs.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** A folder with the repository, installed. */
export interface Checkout {
  readonly folder: string;
  /** The abbreviated commit, with `+` when files differ from it. */
  readonly version: string;
}

/**
 * Finds or makes an installed checkout.
 *
 * @param what A folder, which is used as is, or anything that git resolves to a commit, which is extracted and
 *   installed into a cache once.
 * @throws When it is neither, or cannot be installed.
 */
export function checkout(what: string): Checkout {
  const folder = resolve(what);
  if (existsSync(join(folder, "packages/proxy/src/main.ts"))) {
    const changed = git(folder, "status", "--porcelain", "--", "packages") === "" ? "" : "+";
    return { folder, version: `${git(folder, "rev-parse", "--short", "HEAD")}${changed}` };
  }
  const commit = commitOf(what);
  const cached = join(cache, commit);
  if (!existsSync(cached)) install(commit, cached);
  return { folder: cached, version: git(repository, "rev-parse", "--short", commit) };
}

function commitOf(what: string): string {
  try {
    return git(repository, "rev-parse", "--verify", "--quiet", `${what}^{commit}`);
  } catch (error) {
    throw new RangeError(`${what} must be a checkout's folder or a commit`, { cause: error });
  }
}

/** Under a temporary name until it is whole, so that an interrupted installation is not used. */
function install(commit: string, target: string): void {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "incomplete-"));
  try {
    const archive = execFileSync("git", ["archive", commit], { cwd: repository, maxBuffer: 1 << 30 });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    const { packageManager } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly packageManager: string;
    };
    const { status, stderr } = spawnSync(
      "npx",
      ["--yes", packageManager, "install", "--frozen-lockfile", "--silent"],
      { cwd: folder, encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`${commit} cannot be installed: ${stderr.trim()}`);
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function git(folder: string, ...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: folder, encoding: "utf8" }).trim();
}
