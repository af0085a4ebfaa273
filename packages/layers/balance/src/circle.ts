import type { Candidate } from "./strategy.ts";

/**
 * Endpoints around a circle, each at many places. A key belongs to a place by its hash, and to the endpoint there; when
 * that one cannot take the call, the next one along the circle does. Made anew for each list of endpoints.
 */
export interface Circle {
  /** Which endpoint each place belongs to, as a place in the list. */
  readonly owners: Uint32Array;
  /** Where a hash belongs. */
  find(hash: number): number;
}

/** What a circle depends on: not on the order of the list, nor on what is ready. */
export type Weighted = Pick<Candidate, "key" | "weight">;

/** The places in the list by their keys, compared by code units: the same order everywhere. */
export function byKey(list: readonly Weighted[]): Uint32Array {
  return Uint32Array.from(list.keys()).toSorted((a, b) =>
    compareKeys(list[a] as Weighted, list[b] as Weighted),
  );
}

export function compareKeys({ key: a }: Weighted, { key: b }: Weighted): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The greatest weight, at least the smallest number there is. Weights are compared with it before they are added. */
export function greatestWeight(list: readonly Weighted[]): number {
  return list.reduce((most, { weight }) => Math.max(most, weight), Number.MIN_VALUE);
}
