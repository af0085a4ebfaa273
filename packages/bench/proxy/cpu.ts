import { readdirSync, readFileSync } from "node:fs";

/** What a process and all its descendants have used since they started. */
export interface CpuTime {
  /** Exact: the scheduler's own count. */
  readonly totalNs: number;
  /** Of all ticks of the clock so far, those that found a program running, and those that found the kernel. */
  readonly userTicks: number;
  readonly kernelTicks: number;
}

/** CPU time between two readings. */
export interface CpuUse {
  /** Microseconds for each request. */
  readonly cpuUs: number;
  /** Samples of the clock, by what they found running. */
  readonly userTicks: number;
  readonly kernelTicks: number;
}

/**
 * The total is read from `schedstat` of every thread, in nanoseconds; `stat` counts in steps of 10 ms and tells user
 * from kernel by sampling, so it only says in which proportion the total is to be divided. A thread that ends takes
 * its count along: measure programs that keep theirs.
 *
 * @throws When the process has ended.
 */
export function cpuTime(pid: number): CpuTime {
  const sum = { totalNs: 0, userTicks: 0, kernelTicks: 0 };
  for (const one of processTree(pid)) {
    for (const thread of readdirSync(`/proc/${one}/task`)) {
      sum.totalNs += Number(readFileSync(`/proc/${one}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
    const stat = readFileSync(`/proc/${one}/stat`, "utf8");
    // The name before it may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    sum.userTicks += Number(fields[11]);
    sum.kernelTicks += Number(fields[12]);
  }
  return sum;
}

/** What was used between two readings, for each of so many requests. */
export function cpuUse(before: CpuTime, after: CpuTime, requests: number): CpuUse {
  return {
    cpuUs: (after.totalNs - before.totalNs) / 1_000 / requests,
    userTicks: after.userTicks - before.userTicks,
    kernelTicks: after.kernelTicks - before.kernelTicks,
  };
}

/** A process and its descendants, parents first. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}
