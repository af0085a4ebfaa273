import type { Endpoint, Json, Outcome, Random } from "@pagoda/core";

/** An endpoint as a strategy sees it. */
export interface Candidate {
  readonly key: string;
  /** Share of the calls relative to the others: over 0, by default 1. */
  readonly weight: number;
  /** Calls in flight. */
  readonly pending: number;
  /**
   * Fraction of its share that it gets during slow start: over 0, at most 1. See {@link isItsTurn}.
   */
  readonly share: number;
  /** Measurements of the strategy; set if the strategy has `load`. */
  readonly load: Load | undefined;
  /** Returns whether a call made in this tick would be admitted. */
  isReady(): boolean;
}

/** A strategy's measurements of one endpoint. */
export interface Load {
  /** Returns the cost of one more call, in a unit of the strategy's choice. */
  cost(pending: number, nowMs: number): number;
  /**
   * Records the start of a call.
   *
   * @param pending Number of other calls in flight.
   */
  started(pending: number, nowMs: number): void;
  /**
   * Records the end of a call at its response head, unless it ended in a defect. Called again, with
   * a failure, if the body of a successful response breaks.
   *
   * @param ms Duration of the call.
   * @param nowMs Time of its end.
   * @param wasAborted Whether the caller had aborted, so that the call would have taken longer.
   */
  ended(outcome: Outcome, ms: number, nowMs: number, wasAborted: boolean): void;
  /** Expected latency of a call in milliseconds, if measured. */
  readonly estimateMs?: number | undefined;
  /** State for `describe()` of the endpoint. */
  state(): { readonly [name: string]: Json };
}

/** Chooses among endpoints. It may keep state, so each balancer needs its own. */
export interface Strategy<in Req = unknown> {
  /** Name for `describe()`. */
  readonly name: string;
  /** Options for `describe()`. */
  readonly options?: { readonly [name: string]: Json };
  /** Makes the measurements of an endpoint, if the strategy measures. Called once per endpoint. */
  readonly load?: (endpoint: Endpoint, nowMs: number) => Load;
  /**
   * Sets the candidates. Called before the first pick and after every change of endpoints, weights
   * or health, but not of readiness.
   */
  update(candidates: readonly Candidate[]): void;
  /**
   * Returns the index, in the last list, of a candidate whose `isReady()` has returned true within
   * this call; -1 if there is none.
   *
   * @param nowMs The present time if the strategy has `load`, otherwise 0.
   */
  pick(request: Req, nowMs: number): number;
}

/**
 * Returns whether slow start lets a candidate have this call. A strategy that skips a candidate
 * only for this must take it after all if no other is ready.
 */
export function isItsTurn({ share }: Candidate, random: Random): boolean {
  return share >= 1 || random() < share;
}
