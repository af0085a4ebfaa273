import type { HealthSource, HealthWatch, Outcome } from "@pagoda/core";

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
export const outcomes: HealthSource = {
  name: "outcomes",
  watch(): HealthWatch {
    let succeeded = 0;
    let failed = 0;
    let consecutiveFailures = 0;
    return {
      healthy: true,
      ended({ kind }: Outcome) {
        if (kind === "success") {
          succeeded++;
          consecutiveFailures = 0;
        } else if (kind === "failure") {
          failed++;
          consecutiveFailures++;
        }
      },
      state: () => ({ succeeded, failed, consecutiveFailures }) satisfies OutcomeCounts,
      close() {},
    };
  },
};
