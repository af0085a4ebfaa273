import type { WaitList } from "@pagoda/core";
import type { Learner } from "./learner.ts";
import type { LimitAlgorithm } from "./limit.ts";

/**
 * The calls under way of layers that share one limit, and what a limit that learns has learned from them. Made by
 * {@link inFlight}.
 */
export class InFlight {
  /** @internal */
  calls = 0;
  /** @internal Those of the layers where somebody waits. */
  readonly waiting = new Set<WaitList>();
  #learner: { readonly algorithm: string; readonly learner: Learner } | undefined;

  /** @internal That of an algorithm with the same options goes on. */
  learnerOf(algorithm: LimitAlgorithm, make: () => Learner): Learner {
    const text = JSON.stringify([algorithm.name, algorithm.options]);
    if (this.#learner?.algorithm !== text) this.#learner = { algorithm: text, learner: make() };
    return this.#learner.learner;
  }

  /** @internal */
  release(): void {
    this.calls--;
    if (this.waiting.size > 0) for (const list of this.waiting) list.wake();
  }
}

/**
 * Counts calls for several concurrency limits, such as those of a former and a new configuration: together they admit no
 * more than one of them would.
 */
export function inFlight(): InFlight {
  return new InFlight();
}
