import { type Random, systemRandom } from "@pagoda/core";
import { Turns } from "../turns.ts";
import { type Candidate, isItsTurn, type Strategy } from "../strategy.ts";

export interface WeightedRoundRobinOptions {
  readonly random?: Random;
}

/**
 * Each endpoint in its turn, and one of weight 3 gets three turns where one of weight 1 gets one, spread evenly between
 * theirs. One that is not ready loses its turn and does not catch up. Use it where calls cost about the same and
 * endpoints are of different size, or for an exact share, such as a canary's.
 *
 * While all are ready, none is ever a whole call ahead of its share, or behind it. With equal weights it is round robin.
 *
 * Cost per pick: about 50 ns; it grows with the logarithm of the number of different weights, to 250 ns for 1,000. A
 * change of the endpoints costs as much for each of them.
 *
 * Source: J. C. R. Bennett and H. Zhang, "WF2Q: Worst-case Fair Weighted Fair Queueing" (1996): of those whose turn has
 * begun, the one whose turn ends first.
 */
export function weightedRoundRobin({ random = systemRandom }: WeightedRoundRobinOptions = {}): Strategy {
  let candidates: readonly Candidate[] = [];
  let turns = new Turns([]);
  return {
    name: "weighted-round-robin",
    update(list) {
      const before = new Map(candidates.map(({ key }, place) => [key, turns.waits(place)]));
      turns = new Turns(list.map(({ key, weight }) => ({ weight, waits: before.get(key) ?? 0 })));
      candidates = list;
    },
    pick() {
      let starting = -1;
      try {
        for (let at = turns.next(); at >= 0; at = turns.next()) {
          const candidate = candidates[at] as Candidate;
          if (!candidate.isReady()) continue;
          if (isItsTurn(candidate, random)) {
            turns.served(at);
            return at;
          }
          if (starting < 0) starting = at;
        }
        if (starting >= 0) {
          // Once more up to that one: those behind it keep their turns.
          turns.over();
          while (turns.next() !== starting);
          turns.served(starting);
        }
        return starting;
      } finally {
        turns.over();
      }
    },
  };
}
