import type { Json } from "@pagoda/core";
import type { FullRate } from "./rate.ts";

/** The limits that a store keeps. */
export interface Rates {
  readonly global: FullRate | undefined;
  readonly keyed: FullRate | undefined;
}

/** Why a call was not admitted. */
export interface Refusal {
  /** The limit that asks for the longer wait. */
  readonly limit: "global" | "keyed";
  /** Milliseconds, more than 0, until both limits would admit the call if no other came before it. */
  readonly retryAfterMs: number;
}

/** `undefined`: admitted, and taken from both limits. Costs no allocation. */
export type Decision = Refusal | undefined;

/**
 * Where the state of a limit is kept. In this process: `memoryStore`. Threads share one through shared memory; processes
 * and machines lease from one that is elsewhere: `leased`.
 *
 * A store that can decide at once does: the layer then admits the call in the tick in which it was made, and costs no
 * promise. One that must ask elsewhere gives a promise, and the layer goes on in a later tick, with all that this
 * means: it asks inner's readiness again, and the call may end with `Aborted`.
 */
export interface Store {
  /**
   * Takes one call from the limit over all and from the key's, or from neither.
   *
   * A store that cannot reach its memory chooses itself whether to admit: a promise that rejects is a defect.
   *
   * @param key `undefined`: only the limit over all counts.
   * @param nowMs The layer's clock. Those who share a store over several machines go by a clock of its own instead.
   * @param signal Aborted when nobody waits for the decision any more; a store that waits then settles at once.
   */
  take(key: string | undefined, nowMs: number, signal?: AbortSignal): Decision | Promise<Decision>;
  /** Milliseconds until the limit over all would admit a call, as far as it is known in this tick; 0: now. */
  globalWaitMs(nowMs: number): number;
  /** For descriptions. */
  state(nowMs: number): { readonly [name: string]: Json };
}

/** A store that decides at once. */
export interface SyncStore extends Store {
  take(key: string | undefined, nowMs: number): Decision;
}

/** Calls that were taken from a limit. */
export interface Grant {
  /** At most as many as were asked for. */
  readonly granted: number;
  /** Milliseconds until one more call would be granted; 0: now. */
  readonly retryAfterMs: number;
}

/** A store that gives out calls by the batch: see `leased`. */
export interface LeasingStore extends SyncStore {
  /**
   * Takes up to so many calls from one limit alone.
   *
   * @param key Whose limit; `undefined`: the one over all.
   */
  lease(key: string | undefined, calls: number, nowMs: number): Grant;
  /** Gives back calls that were taken and not made. */
  giveBack(key: string | undefined, calls: number): void;
}
