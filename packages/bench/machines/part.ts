/** A figure of the table. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The bar: what the value must not exceed, or fall below. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Measures what concerns one kind of machine on the other side. */
export interface Part {
  /** For `--only`. */
  readonly name: string;
  measure(): Promise<readonly Figure[]>;
}

/** The value below which this share of all is. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
