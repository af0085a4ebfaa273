/** How often a request can be made. */
export interface Replay {
  /**
   * Whether the request can be made again after the earlier attempt has ended. Asked right before
   * each further attempt.
   */
  canRepeat(): boolean;
  /** Whether it can be made a second time while the first attempt is in flight. */
  canHedge(): boolean;
}

/**
 * What a request must carry to be made more than once. For HTTP, the layer `replay` of
 * `@pagoda/replay` adds it. If every request may be repeated, add `replay: idempotent`.
 */
export interface Replayable {
  readonly replay: Replay;
}

/** For a request that can be made any number of times, several at once included. */
export const idempotent: Replay = {
  canRepeat: () => true,
  canHedge: () => true,
};

/** For a request that must be made only once. */
export const once: Replay = {
  canRepeat: () => false,
  canHedge: () => false,
};
