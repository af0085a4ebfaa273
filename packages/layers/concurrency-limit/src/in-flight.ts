import type { WaitList } from "@pagoda/core";
import type { AdaptiveLimit } from "./adaptive-limit.ts";
import type { LimitAlgorithm } from "./limit.ts";

/**
 * The calls in flight of layers that share a limit, and the state of an adaptive one. Made by
 * {@link inFlight}.
 */
export class InFlight {
  /** @internal */
  calls = 0;
  /** @internal The wait lists of layers with waiting callers. */
  readonly waiting = new Set<WaitList>();
  #adaptive: { readonly algorithm: string; readonly adaptive: AdaptiveLimit } | undefined;

  /** @internal Keeps the state if the algorithm and its options are the same. */
  adaptiveLimitOf(algorithm: LimitAlgorithm, make: () => AdaptiveLimit): AdaptiveLimit {
    const text = JSON.stringify([algorithm.name, algorithm.options]);
    if (this.#adaptive?.algorithm !== text) this.#adaptive = { algorithm: text, adaptive: make() };
    return this.#adaptive.adaptive;
  }

  /** @internal */
  release(): void {
    this.calls--;
    if (this.waiting.size > 0) for (const list of this.waiting) list.wake();
  }
}

/**
 * Counts calls for several concurrency limits, such as those of the previous and the new
 * configuration. Together they admit no more calls than one of them would.
 */
export function inFlight(): InFlight {
  return new InFlight();
}
