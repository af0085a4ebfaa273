import type { Candidate } from "./strategy.ts";

/**
 * A consistent-hashing table: slots owned by endpoints. A key belongs to the slot of its hash and
 * to the owner of that slot. If the owner cannot take the call, the owner of a following slot does.
 * Rebuilt for each list of endpoints.
 */
export interface HashTable {
  /** Owner of each slot, as an index into the list. */
  readonly owners: Uint32Array;
  /** Returns the slot of a hash. */
  find(hash: number): number;
}

/** What a table depends on. The order of the list and readiness do not matter. */
export type Weighted = Pick<Candidate, "key" | "weight">;

/** Returns the indexes of the list sorted by key, by code units and so the same everywhere. */
export function byKey(list: readonly Weighted[]): Uint32Array {
  return Uint32Array.from(list.keys()).toSorted((a, b) =>
    compareKeys(list[a] as Weighted, list[b] as Weighted),
  );
}

export function compareKeys({ key: a }: Weighted, { key: b }: Weighted): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Returns the greatest weight, over 0. Weights are divided by it before they are summed, to avoid
 * overflow.
 */
export function greatestWeight(list: readonly Weighted[]): number {
  return list.reduce((most, { weight }) => Math.max(most, weight), Number.MIN_VALUE);
}
