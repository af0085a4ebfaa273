import type { Grant, LeasingStore, Rates } from "./store.ts";

/** Calls of the limit over all, and of the limits of keys. */
export interface LeaseAsk {
  readonly global: number;
  readonly keys: readonly (readonly [key: string, calls: number])[];
}

/** What was granted of a {@link LeaseAsk}, key by key in its order. */
export interface LeaseAnswer {
  readonly global: Grant;
  readonly keys: readonly Grant[];
}

/** A store elsewhere, in another process or on another machine: see `leased`. */
export interface Lessor {
  /** Takes calls. It may reject, or never settle: whoever asks has a time limit of their own. */
  take(ask: LeaseAsk, rates: Rates): Promise<LeaseAnswer>;
  /** Gives calls back. Nobody waits for it. */
  giveBack(calls: LeaseAsk, rates: Rates): void;
}

/** What the process that keeps the store answers. */
export function lease(store: LeasingStore, { global, keys }: LeaseAsk, nowMs: number): LeaseAnswer {
  return {
    global: store.lease(undefined, global, nowMs),
    keys: keys.map(([key, calls]) => store.lease(key, calls, nowMs)),
  };
}

/** What it does with calls that come back. */
export function takeBack(store: LeasingStore, { global, keys }: LeaseAsk): void {
  store.giveBack(undefined, global);
  for (const [key, calls] of keys) store.giveBack(key, calls);
}
