import type { HealthSource, HealthWatch, Outcome } from "@pagoda/core";

/** The name under which a layer that counts outcomes describes itself. */
export const outcomesName = "outcomes";

/** Ignores calls that were refused here or cancelled: they say nothing about the endpoint. */
export interface OutcomeCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

/**
 * Counts the outcomes of the calls of each endpoint, for operators. It never marks an endpoint
 * unhealthy. Without checks and outlier detection every endpoint gets calls however they end, and
 * an operator must be able to see that.
 */
export class Outcomes implements HealthSource {
  readonly name = outcomesName;
  readonly #watches = new Map<string, OutcomeWatch>();

  watch({ key }: { readonly key: string }): HealthWatch {
    const watch = new OutcomeWatch(() => {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
    });
    this.#watches.set(key, watch);
    return watch;
  }

  /** Outcomes of the calls of an endpoint. */
  of(key: string): OutcomeCounts {
    return this.#watches.get(key)?.state() ?? { succeeded: 0, failed: 0, consecutiveFailures: 0 };
  }
}

class OutcomeWatch implements HealthWatch {
  readonly healthy = true;
  readonly close: () => void;
  #succeeded = 0;
  #failed = 0;
  #consecutiveFailures = 0;

  constructor(close: () => void) {
    this.close = close;
  }

  ended({ kind }: Outcome): void {
    if (kind === "success") {
      this.#succeeded++;
      this.#consecutiveFailures = 0;
    } else if (kind === "failure") {
      this.#failed++;
      this.#consecutiveFailures++;
    }
  }

  state() {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      consecutiveFailures: this.#consecutiveFailures,
    };
  }
}
