import type { Clock } from "@pagoda/core";
import type { Store } from "@pagoda/rate-limit";
import { Counter, Histogram, type Registry } from "prom-client";

/** Upper limits in seconds: a lease answered by the machine next to it, up to the longest timeout. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/**
 * Reports the decisions of limits that are kept in a store: how many there were, and how long calls
 * waited for those that the worker could not make in the same tick.
 */
export class DecisionMetrics {
  readonly #clock: Clock;
  readonly #waits: Histogram<"store">;
  /** By store. A plain number, because every call adds to it. */
  readonly #decisions = new Map<string, { count: number }>();

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    const labelNames = ["store"] as const;
    const registers = [registry];
    const decisions = this.#decisions;
    new Counter({
      name: "pagoda_store_decisions_total",
      help: "Decisions about calls by limits of a store",
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [store, { count }] of decisions) this.inc({ store }, count);
      },
    });
    this.#waits = new Histogram({
      name: "pagoda_store_wait_seconds",
      help: "Time that calls waited for a limit of a store; those decided in the same tick are not included",
      labelNames,
      buckets,
      registers,
    });
  }

  /**
   * Counts the decisions of a limit.
   *
   * @param name The store that keeps it.
   */
  counted(name: string, limit: Store): Store {
    let decisions = this.#decisions.get(name);
    if (decisions === undefined) {
      this.#decisions.set(name, (decisions = { count: 0 }));
      // Otherwise it has no series until a call waits.
      this.#waits.zero({ store: name });
    }
    const counts = decisions;
    const waits = this.#waits.labels({ store: name });
    return {
      take: (key, nowMs, signal) => {
        counts.count++;
        const decision = limit.take(key, nowMs, signal);
        if (!(decision instanceof Promise)) return decision;
        return decision.then((settled) => {
          waits.observe((this.#clock.now() - nowMs) / 1_000);
          return settled;
        });
      },
      left: (key, nowMs) => limit.left?.(key, nowMs),
      globalWaitMs: (nowMs) => limit.globalWaitMs(nowMs),
      state: (nowMs) => limit.state(nowMs),
    };
  }
}
