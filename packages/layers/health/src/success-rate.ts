/** How the calls of one endpoint went in an interval. */
export interface Tally {
  readonly calls: number;
  readonly successes: number;
}

/**
 * Those whose success rate lies more than so many standard deviations below the mean of all, the worst first. With all
 * rates alike nobody is.
 */
export function belowTheOthers<T extends Tally>(tallies: readonly T[], deviations: number): readonly T[] {
  const rates = tallies.map(rateOf);
  const mean = sum(rates) / rates.length;
  const variance = sum(rates.map((rate) => (rate - mean) ** 2)) / rates.length;
  const least = mean - deviations * Math.sqrt(variance);
  // The mean of equal numbers may differ from them in the last digit.
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
