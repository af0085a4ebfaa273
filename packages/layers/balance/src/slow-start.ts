import type { Clock } from "@pagoda/core";

/** Options of slow start. */
export interface SlowStart {
  /** Time until an endpoint gets its full share, in milliseconds: over 0. */
  readonly ms: number;
  /** Initial share: over 0, at most 1. Default 0.1, as in Envoy. */
  readonly least?: number;
}

/**
 * The share of its calls that a new or recovered endpoint gets, which grows linearly with time.
 *
 * Source: Envoy's slow start, with aggression 1.
 */
export class Ramp {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #least: number;
  #beganMs = -Infinity;

  constructor({ ms, least = 0.1 }: SlowStart, clock: Clock) {
    this.#ms = ms;
    this.#least = least;
    this.#clock = clock;
  }

  begin(): void {
    this.#beganMs = this.#clock.now();
  }

  get share(): number {
    // Does not read the clock once it is over.
    if (this.#beganMs === -Infinity) return 1;
    const share = (this.#clock.now() - this.#beganMs) / this.#ms;
    if (share < 1) return Math.max(this.#least, share);
    this.#beganMs = -Infinity;
    return 1;
  }
}
