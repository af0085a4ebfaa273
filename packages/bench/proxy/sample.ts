import type { CpuUse } from "./cpu.ts";
import { medianOf } from "./statistics.ts";

/** One round of one proxy, as fast as it could. */
export interface Sample extends CpuUse {
  readonly requestsPerSecond: number;
  /** Share of the time in which the proxy used its core. */
  readonly busy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The rounds of one proxy in a few numbers. */
export type Summary = ReturnType<typeof summaryOf>;

/** Clock samples of one round are too few to divide it into user and kernel time: all rounds together give the share. */
export function summaryOf(samples: readonly Sample[]) {
  const median = (pick: (sample: Sample) => number): number => medianOf(samples.map(pick));
  const sum = (pick: (sample: Sample) => number): number =>
    samples.reduce((total, sample) => total + pick(sample), 0);
  const userTicks = sum((sample) => sample.userTicks);
  const userShare = userTicks / (userTicks + sum(({ kernelTicks }) => kernelTicks));
  const cpuUs = median((sample) => sample.cpuUs);
  return {
    userUs: cpuUs * userShare,
    kernelUs: cpuUs * (1 - userShare),
    cpuUs,
    leastCpuUs: Math.min(...samples.map((sample) => sample.cpuUs)),
    requestsPerSecond: median(({ requestsPerSecond }) => requestsPerSecond),
    busy: median(({ busy }) => busy),
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
  };
}
