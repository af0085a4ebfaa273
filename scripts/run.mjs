// Runs a TypeScript file of this repository on the pinned Node, after installing what is missing.
// This file and those in run/ must work on any Node ≥ 20, with nothing installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { editedSince } from "./run/edited.mjs";
import { provideNode } from "./run/node.mjs";
import { supervised } from "./run/supervised.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "node_modules", ".bin");
const cache = join(root, "node_modules", ".cache");
const stamp = join(root, "node_modules", ".pagoda-installed");
const lockFile = join(root, "pnpm-lock.yaml");
const { packageManager, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const problem = await prepared();
if (problem === undefined) {
  await run(process.argv[2], process.argv.slice(3));
} else {
  console.error(problem);
  process.exitCode = 1;
}

/**
 * Installs from the lock file unless that has been done for the current one and no package.json has been edited since.
 * Returns what went wrong.
 */
async function prepared() {
  const lock = createHash("sha256").update(readFileSync(lockFile)).digest("hex");
  const isInstalled =
    existsSync(stamp) && readFileSync(stamp, "utf8") === lock && editedSince(stamp, root).length === 0;
  const failure =
    (isInstalled ? undefined : await install()) ?? provideNode(join(bin, "node"), devDependencies.node);
  // Only an installation whose Node starts counts; otherwise the next run tries again or repeats what is missing.
  if (failure !== undefined) rmSync(stamp, { force: true });
  else if (!isInstalled) writeFileSync(stamp, lock);
  return failure;
}

async function install() {
  console.error(`Installing with ${packageManager} …`);
  const args = ["--yes", packageManager, "install", "--frozen-lockfile", "--silent"];
  // Its own process group, so that a signal ends everything that the installation has started.
  const isGroup = process.platform !== "win32";
  const options = {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: !isGroup,
    detached: isGroup,
    // pnpm records its last update check; keep that in the clone, not in the home folder.
    env: { ...process.env, XDG_STATE_HOME: join(cache, "state") },
  };
  const { error, code, signal } = await supervised(() => spawn("npx", args, options), { isGroup });
  if (code === 0) return undefined;
  const edited = editedSince(lockFile, root).join(", ");
  const advice = ` If the dependencies in ${edited} have changed, run "npx ${packageManager} install" to update pnpm-lock.yaml.`;
  return `Installation failed (${error?.message ?? `npx exited with ${code ?? signal}`}).${edited && advice}`;
}

/** Runs the file, passing signals in and the exit code out. */
async function run(file, args) {
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    // The compile cache halves the start time, also of the processes that this one starts.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(cache, "node"),
  };
  const { error, code, signal } = await supervised(() =>
    spawn(join(bin, "node"), [join(root, file), ...args], { stdio: "inherit", env }),
  );
  if (error !== undefined) console.error(`${file} failed to start: ${error.message}`);
  process.exitCode = code ?? 1;
  if (signal !== null) process.kill(process.pid, signal);
}
