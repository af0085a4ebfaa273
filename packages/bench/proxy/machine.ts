import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { delimiter, join } from "node:path";

/** The cores of a measurement. */
export interface Cores {
  /** Only for the proxy. */
  readonly proxy: string;
  /** For the clients, that is this program, and the origin. */
  readonly load: string;
}

/** PATH with the system folders, where Debian installs nginx. */
export const searchPath = [process.env["PATH"], "/usr/sbin", "/usr/local/sbin"]
  .filter(Boolean)
  .join(delimiter);

/** What is missing for a measurement, in one line, or `undefined`. */
export function lacking(): string | undefined {
  if (!existsSync("/proc/self/schedstat"))
    return "CPU time is read from /proc/PID/schedstat: this needs Linux";
  const missing = ["nginx", "openssl", "taskset"].filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    return `${missing.join(" and ")} missing; to install: apt-get install nginx-light openssl util-linux`;
  }
  return allowedCores().length < 2 ? "two cores are needed: one for the proxy, one for the load" : undefined;
}

/** The first two cores that this process may use. */
export function chooseCores(): Cores {
  const [proxy, load] = allowedCores();
  return { proxy: String(proxy), load: String(load) };
}

/** Moves this process, with all its threads, off the proxy's core. */
export function leaveProxyCore({ load }: Cores): void {
  spawnSync("taskset", ["-acp", load, String(process.pid)], { stdio: "ignore" });
}

/** Programs that wanted a core in the last minute: what else ran, when it is read before a measurement. */
export function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** Node's version and the processor, for the head of a table. */
export function machine(): string {
  return `Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores`;
}

function isInstalled(program: string): boolean {
  return searchPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The kernel lists ranges: `0-1,4`. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
