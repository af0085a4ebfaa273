import { checkInteger, checkNumber, type Json, type Random } from "@pagoda/core";

/** What the calls of a window have shown. Only results that speak of the upstream are in it. */
export interface Sample {
  /** How long its successful calls took on average, in milliseconds; `undefined` when there was none. */
  readonly rttMs: number | undefined;
  /** The most calls that were under way at once when one of its calls ended. */
  readonly inFlight: number;
  /** More than 1% of its calls were dropped: refused by an upstream that asks for fewer, or timed out. */
  readonly dropped: boolean;
}

/** A limit that learns, for one service. */
export interface Limit {
  /** Calls at once: a whole number of at least 1. Changes in `update` only. */
  readonly current: number;
  /** What it holds for the time of a call without queueing, in milliseconds; `undefined` when it does not know. */
  readonly rttMs: number | undefined;
  update(sample: Sample): void;
}

/** How a limit is found; may be shared by layers, for it keeps no state. */
export interface LimitAlgorithm {
  readonly name: string;
  /** As it stands in descriptions. */
  readonly options: { readonly [name: string]: Json };
  /** The shortest window, in milliseconds. A window has at least ten calls and is at least as long as they take. */
  readonly windowMs: number;
  /** A success that took longer counts as dropped; milliseconds. Default: none does. */
  readonly slowAfterMs?: number | undefined;
  /** Makes the limit of one service. */
  begin(random: Random): Limit;
}

/** Refuses bounds of a limit that leave no room for each other. */
export function checkBounds(initial: number, min: number, max: number): void {
  checkInteger("concurrency-limit: min", min, { min: 1 });
  checkInteger("concurrency-limit: max", max, { min: { min } });
  checkInteger("concurrency-limit: initial", initial, { min: { min }, max: { max } });
}

/** Refuses a length of windows that no clock can measure, or that never ends. */
export function checkWindow(windowMs: number): void {
  checkNumber("concurrency-limit: windowMs", windowMs, { min: 1, max: 3_600_000 });
}
