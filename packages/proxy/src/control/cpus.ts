import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

/** What is known about the machine. */
export interface Machine {
  /** Reads a file; throws if it cannot be read. */
  readonly read: (path: string) => string;
  /** The system's CPU count, used if the kernel lists none. */
  readonly cores: number;
}

const thisMachine: Machine = {
  read: (path) => readFileSync(path, "utf8"),
  get cores() {
    return availableParallelism();
  },
};

/**
 * Returns how many processes can run at once: one for each core, or as many as a container's CPU
 * quota allows, rounded up. More would exhaust the quota together and then all be throttled.
 *
 * Not `os.availableParallelism()`, which rounds a quota down and ignores cgroup version 1.
 *
 * Source: Linux control groups, version 2 (`cpu.max`) and 1 (`cpu.cfs_quota_us`), including parent
 * groups, as Go's runtime reads them since 1.25.
 */
export function usableCpus({ read, cores }: Machine = thisMachine): number {
  let least = allowedOf(textOf(read, "/proc/self/status")) ?? cores;
  for (const [hierarchy, quota] of [
    ["", quotaOf2],
    ["cpu", quotaOf1],
  ] as const) {
    for (const folder of foldersOf(hierarchy, read)) {
      const cpus = quota((file) => textOf(read, join(folder, file)));
      if (cpus !== undefined) least = Math.min(least, Math.max(1, Math.ceil(cpus)));
    }
  }
  return least;
}

/** The CPUs of the process's affinity, from `Cpus_allowed_list: 0-3,8`. */
function allowedOf(status: string | undefined): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)$/m.exec(status ?? "")?.[1];
  if (list === undefined) return undefined;
  return list.split(",").reduce((sum, range) => {
    const [first, last = first] = range.split("-").map(Number) as [number, number?];
    return sum + last - first + 1;
  }, 0);
}

/** The directories of the process's group and its parents in a hierarchy: each may have a limit. */
function foldersOf(hierarchy: string, read: Machine["read"]): readonly string[] {
  const root = join("/sys/fs/cgroup", hierarchy);
  const folders = new Set<string>();
  for (const line of (textOf(read, "/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers = "", path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || !controllers.split(",").includes(hierarchy)) continue;
    for (let at = path; at !== "/"; at = dirname(at)) folders.add(join(root, at));
  }
  // Inside a container the path often names the group as seen from outside, but its root is the
  // group.
  return [...folders, root];
}

/** Parses `max 100000` or `150000 100000`: quota and period. */
function quotaOf2(read: (file: string) => string | undefined): number | undefined {
  const [quota, period] = (read("cpu.max") ?? "").trim().split(/\s+/);
  return cpusOf(quota, period);
}

function quotaOf1(read: (file: string) => string | undefined): number | undefined {
  return cpusOf(read("cpu.cfs_quota_us"), read("cpu.cfs_period_us"));
}

/** Undefined without a limit, or if the text is not one. */
function cpusOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cpus = Number(quota?.trim() || Number.NaN) / Number(period?.trim() || Number.NaN);
  return cpus > 0 && cpus < Infinity ? cpus : undefined;
}

function textOf(read: Machine["read"], path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}
