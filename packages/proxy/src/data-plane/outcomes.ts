import type { HealthSource, HealthWatch, Outcome } from "@pagoda/core";

/** What describes itself so counts outcomes. */
export const outcomesName = "outcomes";

/** A call that was refused here, or taken back, says nothing about the endpoint: it is not counted. */
export interface OutcomeCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

/**
 * Counts how the calls of each endpoint went, for operators. It never says that an endpoint is not healthy: without checks
 * and outlier detection every endpoint gets its calls, however they go, and somebody has to see that.
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

  /** How the calls of an endpoint went. */
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
