import type { Endpoint, Json, Outcome, Random } from "@pagoda/core";

/** An endpoint as a strategy sees it. */
export interface Candidate {
  readonly key: string;
  /** Its share of the calls compared with the others', over 0; 1 where nobody has said. */
  readonly weight: number;
  /** Calls under way. */
  readonly pending: number;
  /** Over 0, at most 1: how much of its share it is to get for now, while it starts slowly. See {@link isItsTurn}. */
  readonly share: number;
  /** What the strategy measures of it; there where the strategy has `load`. */
  readonly load: Load | undefined;
  /** Whether a call made now, in this same tick, would be admitted. */
  isReady(): boolean;
}

/** What a strategy measures of one endpoint, as long as that is there. */
export interface Load {
  /** What a further call would meet there; the unit is the strategy's own. */
  cost(pending: number, nowMs: number): number;
  /**
   * A call begins.
   *
   * @param pending How many others are under way.
   */
  started(pending: number, nowMs: number): void;
  /**
   * A call has ended, and not in a defect: its response's head is here. Once more, with a failure, when the body of a
   * response breaks that had begun well.
   *
   * @param ms How long it took.
   * @param nowMs When it ended, on the clock.
   * @param wasAborted The caller had given up by then: it would have taken longer.
   */
  ended(outcome: Outcome, ms: number, nowMs: number, wasAborted: boolean): void;
  /** How long a call is expected to take, in milliseconds, if that is what it measures. */
  readonly estimateMs?: number | undefined;
  /** As it stands in the endpoint's description. */
  state(): { readonly [name: string]: Json };
}

/** Chooses among endpoints; one object for each balancer, so it may keep state. */
export interface Strategy<in Req = unknown> {
  /** As it stands in descriptions. */
  readonly name: string;
  /** As they stand in descriptions. */
  readonly options?: { readonly [name: string]: Json };
  /** What it measures of an endpoint, where it does: asked once, as the endpoint comes. */
  readonly load?: (endpoint: Endpoint, nowMs: number) => Load;
  /**
   * From now on it chooses among these. Called before the first pick and whenever endpoints come, go, or change in
   * weight or health; not when they change in readiness.
   */
  update(candidates: readonly Candidate[]): void;
  /**
   * The place, in the list that it was given last, of a candidate whose `isReady()` it has seen to be true in this very
   * call; -1 when there is none.
   *
   * @param nowMs The clock's time where the strategy has `load`, otherwise 0.
   */
  pick(request: Req, nowMs: number): number;
}

/**
 * Whether a candidate that starts slowly may have this call. Who passes it over for that reason alone takes it after
 * all when no other is ready.
 */
export function isItsTurn({ share }: Candidate, random: Random): boolean {
  return share >= 1 || random() < share;
}
