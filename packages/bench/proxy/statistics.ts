/** The middle value, or the mean of the two in the middle; `NaN` of nothing. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/**
 * The smallest value that at least this share of all values do not exceed; `NaN` of nothing.
 *
 * @param share 0 to 1.
 * @param sorted In ascending order.
 */
export function quantileOf(share: number, sorted: Float64Array): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
