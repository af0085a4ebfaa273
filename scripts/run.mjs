// Runs a TypeScript file of this repository on the pinned Node, after installing what is missing.
// The one script that must run on any Node ≥ 20, with nothing installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "node_modules", ".bin");
const stamp = join(root, "node_modules", ".pagoda-installed");

install();
run(process.argv[2], process.argv.slice(3));

/** `pnpm install` from the lock file, unless it has run for this very lock file. */
function install() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.error(`Installing with ${packageManager} …`);
  const result = spawnSync("npx", ["--yes", packageManager, "install", "--frozen-lockfile", "--silent"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
    // pnpm keeps a note of its last look for a newer version; it belongs in the clone, not in the home folder.
    env: { ...process.env, XDG_STATE_HOME: join(root, "node_modules", ".cache", "state") },
  });
  if (result.status !== 0) {
    console.error(
      `Installing failed (${result.error?.message ?? `npx ended with ${result.status ?? result.signal}`}).`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** Hands over to the pinned Node: signals go in, the exit code comes out. */
function run(file, args) {
  const child = spawn(join(bin, "node"), [join(root, file), ...args], {
    stdio: "inherit",
    env: { ...process.env, PATH: `${bin}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}` },
  });
  // From a terminal the child has the signal already (one process group); from a supervisor it has not.
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  // npm passes a signal to a shell, and some shells end of it without a word to us.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 250);
  watch.unref();
  child.on("error", (error) => {
    console.error(`${file} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal !== null) process.kill(process.pid, signal);
  });
}
