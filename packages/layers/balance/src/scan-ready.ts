import type { Random } from "@pagoda/core";
import { type Candidate, isItsTurn } from "./strategy.ts";

/**
 * Scans all candidates from a random one on, and returns the index of one that is ready, or -1. For
 * strategies whose own choice was not ready. A candidate skipped by slow start is the last resort.
 */
export function scanReady(candidates: readonly Candidate[], random: Random): number {
  const { length } = candidates;
  let at = Math.floor(random() * length);
  let starting = -1;
  for (let tried = 0; tried < length; tried++) {
    const candidate = candidates[at] as Candidate;
    if (candidate.isReady()) {
      if (isItsTurn(candidate, random)) return at;
      if (starting < 0) starting = at;
    }
    at = at + 1 < length ? at + 1 : 0;
  }
  return starting;
}
