import type { Effect } from "../scenario/effect.ts";

/** The state of an endpoint, as the events that last make it. */
export interface Condition {
  /** Its process has ended. */
  readonly isDown: boolean;
  readonly refuses: boolean;
  readonly hangs: boolean;
  /** Factor on the time of calls that begin. */
  readonly slowness: number;
  /** Share of calls answered with 503. */
  readonly errors: number;
}

/** Combines effects that last at the same time: the worst of each kind, and factors multiplied. */
export function conditionOf(effects: Iterable<Effect>): Condition {
  let [isDown, refuses, hangs, slowness, errors] = [false, false, false, 1, 0];
  for (const effect of effects) {
    if (effect.kind === "die" || effect.kind === "flap") isDown = true;
    else if (effect.kind === "refuse") refuses = true;
    else if (effect.kind === "hang") hangs = true;
    else if (effect.kind === "slow") slowness *= effect.times;
    else errors = Math.max(errors, effect.ratio);
  }
  return { isDown, refuses, hangs, slowness, errors };
}
