import type { Random } from "@pagoda/core";

// Draws must be the same on every platform, so only `+ - * /`, `Math.sqrt` and what is made of them is used.

/** Uniform between `low` and `high`. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** A uniform integer from `low` to `high`, both included. */
export function whole(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Log-normal around the median, as latencies are. */
export function logNormal(random: Random, median: number, sigma: number): number {
  // The sum of four uniform numbers is close enough to normal and has bounded tails.
  const sum = random() + random() + random() + random() - 2;
  return median * exp(sigma * sum * 1.732_050_807_568_877_2);
}

/** Pareto with shape 2: half exceed 1.4 times the minimum, one in a hundred ten times; capped at a hundred times. */
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

/** The exponential of a number within ±1.5, accurate to 0.12%, which is enough for a latency. */
export function exp(x: number): number {
  let power = 1 + x / 1_024;
  for (let squarings = 0; squarings < 10; squarings++) power *= power;
  return power;
}
