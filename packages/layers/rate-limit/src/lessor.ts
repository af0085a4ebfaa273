import type { Grant, LeasingStore, Rates } from "./store.ts";

/** Numbers of calls of the global limit and of the limits of keys. */
export interface LeaseAsk {
  readonly global: number;
  readonly keys: readonly (readonly [key: string, calls: number])[];
}

/** Grants for a {@link LeaseAsk}, keys in the same order. */
export interface LeaseAnswer {
  readonly global: Grant;
  readonly keys: readonly Grant[];
}

/** Access to a store in another process or on another machine: see `leased`. */
export interface Lessor {
  /** Takes calls. May reject or never settle; the caller applies its own time limit. */
  take(ask: LeaseAsk, rates: Rates): Promise<LeaseAnswer>;
  /** Gives calls back. Not awaited. */
  giveBack(calls: LeaseAsk, rates: Rates): void;
}

/** Answers {@link Lessor.take} in the process that owns the store. */
export function lease(store: LeasingStore, { global, keys }: LeaseAsk, nowMs: number): LeaseAnswer {
  return {
    global: store.lease(undefined, global, nowMs),
    keys: keys.map(([key, calls]) => store.lease(key, calls, nowMs)),
  };
}

/** Handles {@link Lessor.giveBack} in the process that owns the store. */
export function takeBack(store: LeasingStore, { global, keys }: LeaseAsk): void {
  store.giveBack(undefined, global);
  for (const [key, calls] of keys) store.giveBack(key, calls);
}
