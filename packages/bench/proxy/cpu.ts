import { readdirSync, readFileSync } from "node:fs";

/** CPU time of a process and all its descendants since they started. */
export interface CpuTime {
  /** From the scheduler: exact. */
  readonly totalNs: number;
  /** Clock ticks that found the program running, and that found the kernel running for it. */
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
 * Reads the total from `schedstat` of every thread, in nanoseconds. `stat` samples in steps of 10 ms, which gives the ratio
 * of user and kernel time. Threads that have ended are missing from the total, so measure programs that keep theirs.
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
    // The name in front may contain spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    sum.userTicks += Number(fields[11]);
    sum.kernelTicks += Number(fields[12]);
  }
  return sum;
}

/** CPU time between two readings, divided by the requests in between. */
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
