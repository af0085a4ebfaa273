import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { delimiter, join } from "node:path";

/** Which core is whose. */
export interface Cores {
  /** The proxy's alone. */
  readonly proxy: string;
  /** Load, origin and this program. */
  readonly load: string;
}

/** Where programs are looked for: Debian keeps nginx where not every user looks. */
export const searchPath = [process.env["PATH"], "/usr/sbin", "/usr/local/sbin"]
  .filter(Boolean)
  .join(delimiter);

/** What the machine lacks for a measurement, in one line; `undefined`: nothing. */
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

/** Moves this very process, all its threads, away from the core that belongs to the proxy. */
export function leaveProxyCore({ load }: Cores): void {
  spawnSync("taskset", ["-acp", load, String(process.pid)], { stdio: "ignore" });
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

/** The kernel writes them as ranges: `0-1,4`. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
