import type { Budget } from "@pagoda/core";
import type { Latencies } from "./latencies.ts";

/** How long calls have taken, and the second calls that were made. */
export interface Past {
  readonly latencies: Latencies;
  readonly budget: Budget;
  hedges: number;
  wins: number;
}

/** What layers that hedge calls of one kind have seen, in common. Made by {@link hedgeHistory}. */
export class HedgeHistory {
  #settings = "";
  #past: Past | undefined;

  /** @internal What was seen with the same settings; other settings begin anew. */
  pastOf(settings: string, make: () => Past): Past {
    if (this.#settings !== settings || this.#past === undefined) this.#past = make();
    this.#settings = settings;
    return this.#past;
  }
}

/**
 * A history for several hedges, such as those of a former and a new configuration: the new one knows from the beginning
 * what is slow, and both together keep to the extra load.
 */
export function hedgeHistory(): HedgeHistory {
  return new HedgeHistory();
}
