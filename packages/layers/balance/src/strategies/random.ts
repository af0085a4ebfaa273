import { type Random, systemRandom } from "@pagoda/core";
import { Alias } from "../alias.ts";
import { lookOn } from "../look-on.ts";
import { type Candidate, isItsTurn, type Strategy } from "../strategy.ts";

export interface RandomOptions {
  readonly random?: Random;
}

/** So often it draws before it looks for any that is ready: so shares stay by weight while few are not ready. */
const draws = 4;

/**
 * Any endpoint, by weight. Use it where many balancers choose among the same endpoints and must not fall into step,
 * or where there is nothing to keep.
 *
 * Cost per pick: about 25 ns, however many endpoints there are, while most of them are ready.
 */
export function random({ random: chance = systemRandom }: RandomOptions = {}): Strategy {
  let candidates: readonly Candidate[] = [];
  let byWeight = new Alias([]);
  return {
    name: "random",
    update(list) {
      candidates = list;
      byWeight = new Alias(list.map(({ weight }) => weight));
    },
    pick() {
      if (candidates.length === 0) return -1;
      for (let tries = 0; tries < draws; tries++) {
        const at = byWeight.draw(chance);
        const candidate = candidates[at] as Candidate;
        if (isItsTurn(candidate, chance) && candidate.isReady()) return at;
      }
      return lookOn(candidates, chance);
    },
  };
}
