import {
  type Clock,
  type HealthSource,
  type HealthWatch,
  type Outcome,
  SlidingCount,
  Slots,
} from "@pagoda/core";

/** The name under which a layer that counts outcomes describes itself. */
export const outcomesName = "outcomes";

/** Ignores calls that were refused here or cancelled: they say nothing about the endpoint. */
export interface OutcomeCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

/** Outcomes of the last {@link recentMs}. */
export interface Recent {
  readonly succeeded: number;
  readonly failed: number;
}

/** How long an outcome is recent, in milliseconds. */
export const recentMs = 300_000;
const slots = 5;

/**
 * Counts the outcomes of the calls of each endpoint, for operators. It never marks an endpoint
 * unhealthy. Without checks and outlier detection every endpoint gets calls however they end, and
 * an operator must be able to see that.
 */
export class Outcomes implements HealthSource {
  readonly name = outcomesName;
  readonly #watches = new Map<string, OutcomeWatch>();
  readonly #time: Slots;

  constructor(clock: Clock) {
    this.#time = new Slots(clock, recentMs / slots);
  }

  watch({ key }: { readonly key: string }): HealthWatch {
    const watch = new OutcomeWatch(this.#time, () => {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
    });
    this.#watches.set(key, watch);
    return watch;
  }

  /** Outcomes of the calls of an endpoint. */
  of(key: string): OutcomeCounts {
    return this.#watches.get(key)?.state() ?? { succeeded: 0, failed: 0, consecutiveFailures: 0 };
  }

  /** The recent ones of them. */
  recentOf(key: string): Recent {
    return this.#watches.get(key)?.recent() ?? { succeeded: 0, failed: 0 };
  }
}

class OutcomeWatch implements HealthWatch {
  readonly healthy = true;
  readonly close: () => void;
  readonly #time: Slots;
  /** Undefined before the first call: many endpoints never get one. */
  #recent: Readonly<Record<keyof Recent, SlidingCount>> | undefined;
  #succeeded = 0;
  #failed = 0;
  #consecutiveFailures = 0;

  constructor(time: Slots, close: () => void) {
    this.#time = time;
    this.close = close;
  }

  ended({ kind }: Outcome): void {
    if (kind === "success") {
      this.#succeeded++;
      this.#consecutiveFailures = 0;
      this.#note("succeeded");
    } else if (kind === "failure") {
      this.#failed++;
      this.#consecutiveFailures++;
      this.#note("failed");
    }
  }

  recent(): Recent {
    if (this.#recent === undefined) return { succeeded: 0, failed: 0 };
    const { succeeded, failed } = this.#recent;
    const slot = this.#time.exactly();
    succeeded.moveTo(slot);
    failed.moveTo(slot);
    return { succeeded: succeeded.total, failed: failed.total };
  }

  #note(how: keyof Recent): void {
    const slot = this.#time.roughly();
    this.#recent ??= {
      succeeded: new SlidingCount(slots, slot),
      failed: new SlidingCount(slots, slot),
    };
    this.#recent[how].add(slot);
  }

  state() {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      consecutiveFailures: this.#consecutiveFailures,
    };
  }
}
