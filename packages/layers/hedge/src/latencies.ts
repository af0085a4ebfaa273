import { Histogram } from "./histogram.ts";

export interface LatenciesOptions {
  /** Share of calls that may take longer than the delay. */
  readonly share: number;
  readonly windowMs: number;
  readonly minSamples: number;
  /** Start of the first period, by the clock's `now()`. */
  readonly now: number;
}

/**
 * Latencies by period. The delay comes from the last full period, so it is computed once per
 * period, not per call. After an idle period there is none.
 */
export class Latencies {
  readonly #share: number;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #present = new Histogram();
  #endsAt: number;
  #delayMs: number | undefined;

  constructor({ share, windowMs, minSamples, now }: LatenciesOptions) {
    this.#share = share;
    this.#windowMs = windowMs;
    this.#minSamples = minSamples;
    this.#endsAt = now + windowMs;
  }

  /** Records the duration of a call that ended now. */
  record(now: number, ms: number): void {
    if (now >= this.#endsAt) this.#turn(now);
    this.#present.record(ms);
  }

  /**
   * Returns the latency exceeded by at most `share` of the calls, or `undefined` with too few
   * samples.
   */
  delayMs(now: number): number | undefined {
    if (now >= this.#endsAt) this.#turn(now);
    return this.#delayMs;
  }

  #turn(now: number): void {
    const passed = Math.floor((now - this.#endsAt) / this.#windowMs);
    this.#endsAt += (passed + 1) * this.#windowMs;
    const known = passed === 0 && this.#present.count >= this.#minSamples;
    // Rounded up: the platform's timers truncate to whole milliseconds and would fire early.
    this.#delayMs = known ? Math.ceil(this.#present.exceededBy(this.#share)) : undefined;
    this.#present.clear();
  }
}
