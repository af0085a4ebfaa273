import { isLeft } from "fp-ts/lib/Either.js";
import type { Both } from "../probe.ts";
import { classifier, type Result, type Stack } from "../request.ts";
import type { World } from "../world.ts";

export const refusalsAreNeutral = "a local refusal changes nothing that is known of the upstream";

/** Of what a breaker says of itself, what it holds of the upstream. */
const health = ["phase", "reason", "consecutiveFailures", "successRate", "calls"];

/** Whether a result was made on this side: it must teach nobody anything. */
function isLocal(result: Result | undefined): boolean {
  return result !== undefined && isLeft(result) && result.left.origin === "local";
}

/**
 * Looks at what a breaker holds of the upstream, right before it hears of a local refusal, and once it has heard of it
 * and of nothing else.
 */
export function breakerRefusals(world: World): Both {
  let layered: Stack | undefined;
  let before: string | undefined;

  function held(): string {
    const { state = {} } = (layered as Stack).describe();
    return health.map((name) => `${name} ${String(state[name])}`).join(", ");
  }

  function compare(): void {
    if (before === undefined) return;
    const after = held();
    if (after !== before) world.violate(refusalsAreNeutral, `the breaker held "${before}", now "${after}"`);
    before = undefined;
  }

  return {
    outside: {
      placed(inner) {
        layered = inner;
      },
      entered: compare,
    },
    inside: {
      left(_passage, result) {
        compare();
        if (!isLocal(result)) return;
        before = held();
        world.soon(compare);
      },
    },
  };
}

/**
 * A limit that learns shrinks only after an upstream has asked for less since it last changed: it refused, failed in a
 * way that passes, or timed out.
 */
export function limitRefusals(
  world: World,
  initial: number,
): {
  readonly inside: Both["inside"];
  readonly limitChanged: (limit: number) => void;
} {
  let last = initial;
  let drops = 0;
  let refusals = 0;
  return {
    inside: {
      left(_passage, result) {
        if (isLocal(result)) refusals++;
        else if (result !== undefined && asksForLess(result)) drops++;
      },
    },
    limitChanged(limit) {
      if (limit < last && drops === 0)
        world.violate(refusalsAreNeutral, `the limit shrinks to ${limit} after ${refusals} local refusals`);
      last = limit;
      drops = 0;
      refusals = 0;
    },
  };
}

function asksForLess(result: Result): boolean {
  const { kind, retryable } = classifier.outcome(result);
  return kind === "limited" || (kind === "failure" && retryable);
}
