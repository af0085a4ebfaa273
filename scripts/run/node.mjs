import { spawnSync } from "node:child_process";
import { existsSync, rmSync, symlinkSync } from "node:fs";

/** The oldest Node that runs this repository's TypeScript without a flag or a warning. */
const oldest = [24, 12];

/** System packages with the libraries that a Node from npm may lack. */
const packages = {
  "libatomic.so.1": { "apt-get": "libatomic1", dnf: "libatomic", apk: "libatomic" },
  "libgcc_s.so.1": { "apt-get": "libgcc-s1", dnf: "libgcc", apk: "libgcc" },
  "libstdc++.so.6": { "apt-get": "libstdc++6", dnf: "libstdc++", apk: "libstdc++" },
};
const installs = { "apt-get": "apt-get install", dnf: "dnf install", apk: "apk add" };

/**
 * Ensures that `node` is a Node that starts: the pinned one, with which everything is tested, or else the one that runs
 * this, if it is new enough.
 *
 * @returns What the user has to install if neither will do.
 */
export function provideNode(node, version) {
  const problem = startProblem(node);
  if (problem === undefined) return undefined;
  if (isNewEnough(process.versions.node)) {
    rmSync(node, { force: true });
    symlinkSync(process.execPath, node);
    return undefined;
  }
  const { reason, advice = "" } = problem;
  return `Node ${version} cannot start because ${reason}: ${advice}put Node ${oldest.join(".")} or newer on the PATH.`;
}

/** Why a program does not start, and how to fix it. */
function startProblem(node) {
  const { status, signal, error, stderr } = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (status === 0) return undefined;
  if (error?.code === "ENOENT") {
    // The file exists but its loader does not: it was built for another C library.
    return { reason: existsSync(node) ? "it needs a system with glibc" : "it could not be installed" };
  }
  if (error !== undefined) return { reason: error.message };
  const library = /loading shared libraries: ([^:\s]+)/u.exec(stderr)?.[1];
  if (library === undefined) return { reason: stderr.trim() || `it exited with ${status ?? signal}` };
  return { reason: `${library} is missing`, advice: adviceFor(library) };
}

function adviceFor(library) {
  const names = packages[library] ?? {};
  const manager = Object.keys(names).find(isProgram);
  return manager === undefined ? "" : `run "${installs[manager]} ${names[manager]}", or `;
}

function isProgram(name) {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}
