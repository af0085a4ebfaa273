import type { Sample } from "./limit.ts";

/** Minimum number of calls in a window. */
const minCalls = 10;
/** Fraction of dropped calls that is considered unrelated to load. */
const toleratedDrops = 0.01;

/**
 * Collects the calls between two updates of a limit. Updating on every call would count the same
 * congestion many times, since all calls in flight see the same queue. A window therefore lasts at
 * least as long as its calls take, so that the effect of one update is visible before the next.
 */
export class SampleWindow {
  readonly #windowMs: number;
  /** Earliest end of the window; set at its first call. */
  #end: number | undefined;
  #least: number;
  #calls = 0;
  #dropped = 0;
  #callMs = 0;
  #successMs = 0;
  #inFlight = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#least = windowMs;
  }

  /**
   * Adds a call that has just ended.
   *
   * @param now Milliseconds.
   * @returns The sample, if the window ends with this call.
   */
  add(now: number, ms: number, inFlight: number, dropped: boolean): Sample | undefined {
    this.#end ??= now + this.#least;
    this.#calls++;
    this.#callMs += ms;
    if (dropped) this.#dropped++;
    else this.#successMs += ms;
    if (inFlight > this.#inFlight) this.#inFlight = inFlight;
    return now >= this.#end && this.#calls >= minCalls ? this.#close() : undefined;
  }

  #close(): Sample {
    const successes = this.#calls - this.#dropped;
    const sample: Sample = {
      // A clock that does not advance has measured nothing.
      rttMs: this.#successMs > 0 ? this.#successMs / successes : undefined,
      inFlight: this.#inFlight,
      dropped: this.#dropped > this.#calls * toleratedDrops,
    };
    this.#least = Math.max(this.#windowMs, this.#callMs / this.#calls);
    this.#end = undefined;
    this.#calls = this.#dropped = this.#callMs = this.#successMs = this.#inFlight = 0;
    return sample;
  }
}
