/** Calls of one endpoint in an interval. */
export interface Tally {
  readonly calls: number;
  readonly successes: number;
}

/**
 * Returns the tallies whose success rate lies more than `deviations` standard deviations below the
 * mean, worst first. Equal rates have no outliers.
 */
export function outliersOf<T extends Tally>(tallies: readonly T[], deviations: number): readonly T[] {
  const rates = tallies.map(rateOf);
  const mean = sum(rates) / rates.length;
  const variance = sum(rates.map((rate) => (rate - mean) ** 2)) / rates.length;
  const least = mean - deviations * Math.sqrt(variance);
  // Rounding: the mean of equal numbers may differ from them in the last digit.
  const best = Math.max(...rates);
  return tallies
    .filter((tally) => rateOf(tally) < least && rateOf(tally) < best)
    .toSorted((a, b) => rateOf(a) - rateOf(b));
}

export function rateOf({ calls, successes }: Tally): number {
  return successes / calls;
}

function sum(numbers: readonly number[]): number {
  let sum = 0;
  for (const each of numbers) sum += each;
  return sum;
}
