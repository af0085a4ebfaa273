import type { Classifier, Clock, Json, Outcome, Random } from "@pagoda/core";
import type { Either } from "fp-ts/lib/Either.js";
import type { Limit, LimitAlgorithm } from "./limit.ts";
import { SampleWindow } from "./window.ts";

/** Tells the limit of one service what its calls say. */
export class Learner {
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

  /** Takes the result of a call that began at `start`. */
  heard(result: Either<unknown, unknown>, start: number, inFlight: number): void {
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
 * Timeouts and refusals are retryable. What fails for good is broken, not full: it would have failed at any load, and
 * how quickly it did is no measure.
 */
function asksForLess({ kind, retryable }: Outcome): boolean {
  return kind === "limited" || (kind === "failure" && retryable);
}
