/** Says how often a request can be made. */
export interface Replay {
  /** Whether the request can be made again, the earlier try being over. Asked right before each further try. */
  canRepeat(): boolean;
  /** Whether it can be made a second time while the first is under way. */
  canDouble(): boolean;
}

/**
 * What a request must carry to be made more than once. For HTTP, the layer `replay` of `@pagoda/replay` adds it; where
 * every request may be repeated, `{ ...request, replay: idempotent }` says so.
 */
export interface Replayable {
  readonly replay: Replay;
}

/** Of a request that can be made as often as one likes, several at once included. */
export const idempotent: Replay = {
  canRepeat: () => true,
  canDouble: () => true,
};

/** Of a request that must be made only once. */
export const once: Replay = {
  canRepeat: () => false,
  canDouble: () => false,
};
