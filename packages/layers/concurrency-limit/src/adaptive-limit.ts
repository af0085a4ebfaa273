import type { Classifier, Clock, Either, Json, Outcome, Random } from "@pagoda/core";
import type { Limit, LimitAlgorithm } from "./limit.ts";
import { SampleWindow } from "./window.ts";

/** Updates the limit of one service from the results of its calls. */
export class AdaptiveLimit {
  readonly #limit: Limit;
  readonly #window: SampleWindow;
  readonly #slowAfterMs: number;
  readonly #classifier: Classifier;
  readonly #clock: Clock;

  constructor(algorithm: LimitAlgorithm, classifier: Classifier, clock: Clock, random: Random) {
    this.#limit = algorithm.begin(random);
    this.#window = new SampleWindow(algorithm.windowMs);
    this.#slowAfterMs = algorithm.slowAfterMs ?? Infinity;
    this.#classifier = classifier;
    this.#clock = clock;
  }

  get limit(): number {
    return this.#limit.current;
  }

  /** Records the result of a call that began at `start`. */
  record(result: Either<unknown, unknown>, start: number, inFlight: number): void {
    const outcome = this.#classifier.outcome(result);
    const dropped = asksForLess(outcome);
    if (dropped || outcome.kind === "success") {
      const now = this.#clock.now();
      const ms = now - start;
      const sample = this.#window.add(now, ms, inFlight, dropped || ms > this.#slowAfterMs);
      if (sample !== undefined) this.#limit.update(sample);
    }
  }

  state(): { readonly rttMs: Json } {
    return { rttMs: this.#limit.rttMs ?? null };
  }
}

/**
 * Timeouts and refusals are retryable. A call that fails permanently would have failed at any load,
 * and its latency does not measure it.
 */
function asksForLess({ kind, retryable }: Outcome): boolean {
  return kind === "limited" || (kind === "failure" && retryable);
}
