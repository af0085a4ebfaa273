import type { Clock } from "@pagoda/core";

/** How newcomers begin. */
export interface SlowStart {
  /** Milliseconds until an endpoint gets its whole share, over 0. */
  readonly ms: number;
  /** The share that it begins with, over 0, at most 1. Default 0.1, Envoy's. */
  readonly least?: number;
}

/**
 * The share of its calls that an endpoint gets after it has come or become healthy: it grows evenly with time.
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
    // Once it is over, the clock is not asked any more.
    if (this.#beganMs === -Infinity) return 1;
    const share = (this.#clock.now() - this.#beganMs) / this.#ms;
    if (share < 1) return Math.max(this.#least, share);
    this.#beganMs = -Infinity;
    return 1;
  }
}
