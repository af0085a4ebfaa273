import { isLeft } from "@pagoda/core";
import type { LayerWatch } from "../probe.ts";
import { classifier, type Result, type Stack } from "../request.ts";
import type { World } from "../world.ts";

export const refusalsAreNeutral = "a local refusal does not change what is known of the upstream";

/** The fields of a breaker's state that describe the upstream. */
const health = ["phase", "reason", "consecutiveFailures", "successRate", "calls"];

/** Whether a result was made on this side and says nothing about the upstream. */
function isLocal(result: Result | undefined): boolean {
  return result !== undefined && isLeft(result) && result.left.origin === "local";
}

/**
 * Compares a breaker's view of the upstream right before and right after it observes a local refusal.
 */
export function breakerRefusals(world: World): LayerWatch {
  let layered: Stack | undefined;
  let before: string | undefined;

  function view(): string {
    const { state = {} } = (layered as Stack).describe();
    return health.map((name) => `${name} ${String(state[name])}`).join(", ");
  }

  function compare(): void {
    if (before === undefined) return;
    const after = view();
    if (after !== before)
      world.violate(refusalsAreNeutral, `the breaker's state was "${before}", now "${after}"`);
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
        before = view();
        world.soon(compare);
      },
    },
  };
}

/**
 * An adaptive limit may shrink only if the upstream has asked for less since its last change: refused, failed in a
 * retryable way or timed out.
 */
export function limitRefusals(
  world: World,
  initial: number,
): {
  readonly inside: LayerWatch["inside"];
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
