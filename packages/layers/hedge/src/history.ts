import type { Budget } from "@pagoda/core";
import type { Latencies } from "./latencies.ts";

/** Observed latencies, and the second calls made. */
export interface HedgeRecords {
  readonly latencies: Latencies;
  readonly budget: Budget;
  hedges: number;
  wins: number;
}

/**
 * Observations shared by layers that hedge the same kind of call. Created by {@link hedgeHistory}.
 */
export class HedgeHistory {
  #settings = "";
  #records: HedgeRecords | undefined;

  /** @internal Returns the records of the same settings; other settings start afresh. */
  recordsFor(settings: string, make: () => HedgeRecords): HedgeRecords {
    if (this.#settings !== settings || this.#records === undefined) this.#records = make();
    this.#settings = settings;
    return this.#records;
  }
}

/**
 * Creates a history to share between layers, for example across a configuration change. The new
 * layer then knows the delay from the start, and both together stay within the extra load.
 */
export function hedgeHistory(): HedgeHistory {
  return new HedgeHistory();
}
