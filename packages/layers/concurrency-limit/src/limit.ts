import { checkInteger, checkNumber, type Json, type Random } from "@pagoda/core";

/** The results of a window. Only those that say something about the upstream are included. */
export interface Sample {
  /** Mean latency of successful calls in milliseconds; `undefined` if there were none. */
  readonly rttMs: number | undefined;
  /** Maximum number of calls in flight when a call ended. */
  readonly inFlight: number;
  /**
   * Whether more than 1% of the calls were dropped: refused by an overloaded upstream, or timed
   * out.
   */
  readonly dropped: boolean;
}

/** The adaptive limit of one service. */
export interface Limit {
  /** Maximum number of concurrent calls: an integer of at least 1. Changes only in `update`. */
  readonly current: number;
  /** Estimated latency without queueing in milliseconds; `undefined` if unknown. */
  readonly rttMs: number | undefined;
  update(sample: Sample): void;
}

/** An algorithm for adaptive limits. Stateless, so layers may share it. */
export interface LimitAlgorithm {
  readonly name: string;
  /** Options for `describe()`. */
  readonly options: { readonly [name: string]: Json };
  /**
   * Minimum length of a window in milliseconds. A window has at least ten calls and lasts as long
   * as they take.
   */
  readonly windowMs: number;
  /** A success slower than this counts as dropped, in milliseconds. Default: none does. */
  readonly slowAfterMs?: number | undefined;
  /** Makes the limit of one service. */
  begin(random: Random): Limit;
}

/** @throws RangeError unless 1 ≤ `min` ≤ `initial` ≤ `max`. */
export function checkBounds(initial: number, min: number, max: number): void {
  checkInteger("concurrency-limit: min", min, { min: 1 });
  checkInteger("concurrency-limit: max", max, { min: { min } });
  checkInteger("concurrency-limit: initial", initial, { min: { min }, max: { max } });
}

/** @throws RangeError when the length of a window is out of range. */
export function checkWindow(windowMs: number): void {
  checkNumber("concurrency-limit: windowMs", windowMs, { min: 1, max: 3_600_000 });
}
