import { type Random, systemRandom } from "@pagoda/core";
import { AliasMethod } from "../alias-method.ts";
import { scanReady } from "../scan-ready.ts";
import { type Candidate, isItsTurn, type Strategy } from "../strategy.ts";

/** Options of {@link random}. */
export interface RandomOptions {
  readonly random?: Random;
}

/**
 * Draws before it scans for a ready endpoint, so that shares follow weights while few are not
 * ready.
 */
const draws = 4;

/**
 * Draws an endpoint by weight. Use it if many balancers share endpoints and must not synchronize,
 * or if no state should be kept.
 *
 * Cost per pick: about 25 ns for any number of endpoints, while most of them are ready.
 */
export function random({ random: chance = systemRandom }: RandomOptions = {}): Strategy {
  let candidates: readonly Candidate[] = [];
  let byWeight = new AliasMethod([]);
  return {
    name: "random",
    update(list) {
      candidates = list;
      byWeight = new AliasMethod(list.map(({ weight }) => weight));
    },
    pick() {
      if (candidates.length === 0) return -1;
      for (let tries = 0; tries < draws; tries++) {
        const at = byWeight.draw(chance);
        const candidate = candidates[at] as Candidate;
        if (isItsTurn(candidate, chance) && candidate.isReady()) return at;
      }
      return scanReady(candidates, chance);
    },
  };
}
