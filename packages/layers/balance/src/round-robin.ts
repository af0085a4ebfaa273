import type { Candidate, Strategy } from "./strategy.ts";

/** Each endpoint in its turn; one that is not ready is passed over. Cost per pick: a few nanoseconds. */
export function roundRobin(): Strategy {
  let next = 0;
  return {
    name: "round-robin",
    pick<C extends Candidate>(candidates: readonly C[]): C | undefined {
      const { length } = candidates;
      // The list may have become shorter since the last pick.
      if (next >= length) next = 0;
      for (let tried = 0; tried < length; tried++) {
        const candidate = candidates[next] as C;
        next = next + 1 < length ? next + 1 : 0;
        if (candidate.isReady()) return candidate;
      }
      return undefined;
    },
  };
}
