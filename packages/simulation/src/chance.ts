import type { Random } from "@pagoda/core";
import { seededRandom } from "@pagoda/core/testing";

/**
 * A source of chance of its own for each purpose, all from one seed: one more draw in one place shifts no other.
 *
 * What is drawn here must be the same on every platform. `Math.exp`, `Math.log` and `Math.pow` are not: engines round
 * them as they like. So only `+ - * /` and `Math.sqrt` are used, which IEEE 754 fixes to the last bit.
 */
export function stream(seed: number, purpose: string): Random {
  let hash = Math.imul(seed ^ 0x811c9dc5, 0x01000193) >>> 0;
  for (let at = 0; at < purpose.length; at++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x01000193) >>> 0;
  }
  const random = seededRandom(hash);
  // Seeds that are close give first numbers that are: those are thrown away.
  for (let skipped = 0; skipped < 4; skipped++) random();
  return random;
}

/** Evenly between the two. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** A whole number from `low` to `high`, both included. */
export function whole(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Between two arrivals that know nothing of each other. */
export function exponential(random: Random, mean: number): number {
  return -ln(1 - random()) * mean;
}

/** Half of all is under the median; the logarithm is spread evenly around it, as latencies are. */
export function logNormal(random: Random, median: number, sigma: number): number {
  // Four evenly spread numbers: their sum is normal enough, and its tails have an end.
  const sum = random() + random() + random() + random() - 2;
  return median * exp(sigma * sum * 1.732_050_807_568_877_2);
}

/** Half are over 1.4 times the shortest, one in a hundred over ten times; none over a hundred times. */
export function pareto(random: Random, shortest: number): number {
  return shortest / Math.sqrt(Math.max(random(), 0.000_1));
}

/** The first of `count` is drawn most often, the second half as often, the third a third as often. */
export function zipf(count: number): (random: Random) => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) sums.push((sum += 1 / rank));
  return (random) => {
    const drawn = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** The natural logarithm of a number over 0, at most 1. */
export function ln(x: number): number {
  let mantissa = x;
  let halvings = 0;
  for (; mantissa < 0.5 && mantissa > 0; halvings++) mantissa *= 2;
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let term = 25; term >= 1; term -= 2) sum = sum * square + 1 / term;
  return 2 * s * sum - halvings * Math.LN2;
}

/** The exponential of a number within ±1.5, to 1.2 per mille: more than a latency is known to. */
export function exp(x: number): number {
  let power = 1 + x / 1_024;
  for (let squarings = 0; squarings < 10; squarings++) power *= power;
  return power;
}
