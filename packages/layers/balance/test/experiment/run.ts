import type { Random } from "@pagoda/core";
import { leastRequest, peakEwma, roundRobin, type Strategy } from "@pagoda/balance";
import { latencies } from "./experiment.ts";
import type { Series } from "./plot.ts";

/** The strategies of linkerd's experiment, where least request is called least loaded. */
const subjects: readonly (readonly [string, (random: Random) => Strategy])[] = [
  ["round robin", (random) => roundRobin({ random })],
  ["least request", (random) => leastRequest({ random })],
  ["peak EWMA", (random) => peakEwma({ random })],
];

/** Runs the experiment with each of them. */
export async function run(seed: number): Promise<Series[]> {
  const all: Series[] = [];
  for (const [name, make] of subjects) all.push({ name, latencies: await latencies(make, seed) });
  return all;
}

/** The seed of the plot. */
export const shownSeed = 1;

export const plotFile: URL = new URL("../../latency.svg", import.meta.url);
