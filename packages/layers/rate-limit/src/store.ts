import type { Json } from "@pagoda/core";
import type { FullRate } from "./rate.ts";

/** Limits kept by a store. */
export interface Rates {
  readonly global: FullRate | undefined;
  readonly keyed: FullRate | undefined;
}

/** Why a call was not admitted. */
export interface Refusal {
  /** The limit with the longer wait. */
  readonly limit: "global" | "keyed";
  /** Milliseconds, over 0, until both limits would admit the call if no other came first. */
  readonly retryAfterMs: number;
  /**
   * The share of the limit that decided, because its store did not answer; 0 if nothing is admitted
   * meanwhile.
   */
  readonly share?: number | undefined;
}

/** What an admitted call has left of the limit that admits fewer. */
export interface Left {
  readonly limit: "global" | "keyed";
  /** Calls that would be admitted now. */
  readonly left: number;
  readonly burst: number;
  /** Other processes take calls from the limit, too, so the number may have changed. */
  readonly isEstimate?: boolean;
  /** The share of the limit that `burst` is, while its store does not answer. */
  readonly share?: number | undefined;
}

/** `undefined` means admitted and taken from both limits. It avoids an allocation. */
export type Decision = Refusal | undefined;

/**
 * Keeps the state of limits: `memoryStore` in this process, `sharedStore` between threads, `leased`
 * between processes and machines.
 *
 * A store that decides synchronously lets the layer admit the call in the same tick, without a
 * promise. A store that returns a promise makes the call continue in a later tick: the layer checks
 * inner's readiness again, and the call may end with `Aborted`.
 */
export interface Store {
  /**
   * Takes one call from the global limit and from the key's, or from neither.
   *
   * A store that cannot reach its state decides itself whether to admit. A rejected promise is a
   * defect.
   *
   * @param key `undefined` if only the global limit applies.
   * @param nowMs Time of the layer's clock. Stores shared between machines use their own clock
   * instead.
   * @param signal Aborted when the decision is no longer needed; a pending `take` should then
   * settle at once.
   */
  take(key: string | undefined, nowMs: number, signal?: AbortSignal): Decision | Promise<Decision>;
  /**
   * What the limits of a call that has just been admitted have left; undefined if that is not known.
   * Asked only for observers.
   */
  left?(key: string | undefined, nowMs: number): Left | undefined;
  /** Milliseconds until the global limit would admit a call, as known in this tick; 0 if now. */
  globalWaitMs(nowMs: number): number;
  /** For descriptions. */
  state(nowMs: number): { readonly [name: string]: Json };
}

/** A store that decides synchronously. */
export interface SyncStore extends Store {
  take(key: string | undefined, nowMs: number): Decision;
}

/** Calls taken from a limit. */
export interface Grant {
  /** Number of calls granted, at most as many as requested. */
  readonly granted: number;
  /** Milliseconds until one more call would be granted, 0 if now. */
  readonly retryAfterMs: number;
  /** Calls that would still be granted, if that is known. */
  readonly left?: number;
}

/** A store that grants calls in batches: see `leased`. */
export interface LeasingStore extends SyncStore {
  /**
   * Takes up to `calls` calls from one limit.
   *
   * @param key Selects the limit; `undefined` for the global one.
   */
  lease(key: string | undefined, calls: number, nowMs: number): Grant;
  /** Returns calls that were taken but not made. */
  giveBack(key: string | undefined, calls: number): void;
}
