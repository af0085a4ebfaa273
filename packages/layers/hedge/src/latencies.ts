import { Histogram } from "./histogram.ts";

export interface LatenciesOptions {
  /** The share of calls that may take longer than the delay. */
  readonly share: number;
  readonly windowMs: number;
  readonly minSamples: number;
  /** When the first period begins, on the clock's `now()`. */
  readonly now: number;
}

/**
 * How long calls take, period by period. What the last full period has shown holds for the present one, so the question
 * is answered once a period and not for each call. A period in which nothing happened shows nothing.
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

  /** A call that has ended now took so long. */
  record(now: number, ms: number): void {
    if (now >= this.#endsAt) this.#turn(now);
    this.#present.record(ms);
  }

  /** What at most `share` of the calls exceeded; `undefined` where there were too few to tell. */
  delayMs(now: number): number | undefined {
    if (now >= this.#endsAt) this.#turn(now);
    return this.#delayMs;
  }

  #turn(now: number): void {
    const passed = Math.floor((now - this.#endsAt) / this.#windowMs);
    this.#endsAt += (passed + 1) * this.#windowMs;
    const known = passed === 0 && this.#present.count >= this.#minSamples;
    // Up to whole milliseconds: timers of the platform cut off the rest and would come early.
    this.#delayMs = known ? Math.ceil(this.#present.exceededBy(this.#share)) : undefined;
    this.#present.clear();
  }
}
