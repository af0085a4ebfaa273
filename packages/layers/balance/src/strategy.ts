/** An endpoint as a strategy sees it. */
export interface Candidate {
  readonly key: string;
  /** Calls under way. */
  readonly pending: number;
  /** Whether a call made now, in this same tick, would be admitted. */
  isReady(): boolean;
}

/**
 * Chooses among endpoints; one object for each balancer, so it may keep state. It must give a candidate whose
 * `isReady()` it has seen to be true in this very call, or `undefined` when there is none.
 */
export interface Strategy<in Req = unknown> {
  /** As it stands in descriptions. */
  readonly name: string;
  pick<C extends Candidate>(candidates: readonly C[], request: Req): C | undefined;
}
