import type { Random } from "@pagoda/core";
import { type Candidate, isItsTurn } from "./strategy.ts";

/**
 * The place of one that is ready, whenever there is one, looking through all from a random place on; else -1. For
 * strategies whose own choice was not ready. One that starts slowly and that it is not the turn of comes last.
 */
export function lookOn(candidates: readonly Candidate[], random: Random): number {
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
