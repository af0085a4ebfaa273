import type { Random } from "@pagoda/core";
import { portableExp, portableLog } from "@pagoda/core/testing";

/** The standard normal distribution at 99%. */
const normal99 = 2.326_347_874_040_841;

const entries = 4_096;
/** How far the table of the normal distribution reaches. */
const sigmas = 4;
const stepsPerSigma = 1_000;

let quantiles: Float64Array | undefined;

/**
 * The quantiles of the standard normal distribution, at equal distances from 0 to 1. Found by summing
 * its density, which needs no function that engines round differently.
 */
function normalQuantiles(): Float64Array {
  if (quantiles !== undefined) return quantiles;
  const steps = 2 * sigmas * stepsPerSigma;
  const sums = new Float64Array(steps + 1);
  const densityAt = (step: number): number => {
    const x = step / stepsPerSigma - sigmas;
    return portableExp((-x * x) / 2);
  };
  for (let step = 1; step <= steps; step++)
    sums[step] = (sums[step - 1] as number) + densityAt(step - 1) + densityAt(step);
  const total = sums[steps] as number;
  const found = new Float64Array(entries + 1);
  let step = 1;
  for (let at = 0; at <= entries; at++) {
    const sought = (at / entries) * total;
    while (step < steps && (sums[step] as number) < sought) step++;
    const [low, high] = [sums[step - 1] as number, sums[step] as number];
    found[at] = (step - 1 + (sought - low) / (high - low)) / stepsPerSigma - sigmas;
  }
  return (quantiles = found);
}

/**
 * Returns a function that draws log-normally distributed latencies with the given median and 99th
 * percentile, both in milliseconds. The same numbers on every engine, for the same source.
 */
export function latencies({
  p50,
  p99,
}: {
  readonly p50: number;
  readonly p99: number;
}): (random: Random) => number {
  const sigma = portableLog(p99 / p50) / normal99;
  const table = normalQuantiles().map((z) => p50 * portableExp(sigma * z));
  return (random) => {
    const at = random() * entries;
    const below = Math.floor(at);
    const low = table[below] as number;
    return low + ((table[below + 1] as number) - low) * (at - below);
  };
}
