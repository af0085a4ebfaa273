import type { Grant, LeasingStore, Rates } from "./store.ts";

/** Numbers of calls, for the global limit and by key. */
export interface CallCounts {
  readonly global: number;
  readonly keys: readonly (readonly [key: string, calls: number])[];
}

/** Grants for {@link CallCounts}, with the keys in the same order. */
export interface LeaseGrants {
  readonly global: Grant;
  readonly keys: readonly Grant[];
  /**
   * Which store has granted, if it may change: calls leased from the previous one are dropped, since
   * they cannot be given back to this one.
   */
  readonly source?: number;
  /** The share of the limits that has granted, because their store does not answer; 0 for nothing. */
  readonly share?: number | undefined;
}

/** Access to a store in another process or on another machine: see `leased`. */
export interface RemoteStore {
  /** Takes calls. May reject or never settle; the caller applies its own time limit. */
  take(calls: CallCounts, rates: Rates): Promise<LeaseGrants>;
  /** Gives calls back. Not awaited. */
  giveBack(calls: CallCounts, rates: Rates): void;
}

/** Answers {@link RemoteStore.take} in the process that owns the store. */
export function lease(store: LeasingStore, { global, keys }: CallCounts, nowMs: number): LeaseGrants {
  return {
    global: store.lease(undefined, global, nowMs),
    keys: keys.map(([key, calls]) => store.lease(key, calls, nowMs)),
  };
}

/** Handles {@link RemoteStore.giveBack} in the process that owns the store. */
export function takeBack(store: LeasingStore, { global, keys }: CallCounts): void {
  store.giveBack(undefined, global);
  for (const [key, calls] of keys) store.giveBack(key, calls);
}
