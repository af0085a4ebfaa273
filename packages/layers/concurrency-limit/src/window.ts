import type { Sample } from "./limit.ts";

/** Fewer calls than these say nothing. */
const minCalls = 10;
/** The share of dropped calls that an upstream may have at any load. */
const toleratedDrops = 0.01;

/**
 * Gathers the calls between two updates of a limit. One by one they would say the same thing many times over: of the
 * calls under way at a moment, each one finds the same queue. A window is therefore at least as long as its calls
 * take, so what an update changed is seen before the next one.
 */
export class SampleWindow {
  readonly #windowMs: number;
  /** When the window may end; not known before its first call. */
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
   * Takes a call that has just ended.
   *
   * @param now Milliseconds.
   * @returns What the window has shown, when it ends with this call.
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
      // A clock that shows no time at all has measured nothing.
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
