import type { Clock } from "@pagoda/core";
import type { EndpointRecord } from "./history.ts";

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
  readonly #record: Pick<EndpointRecord, "beganMs">;
  /** The beginning of the slow start that is over. */
  #overMs = -Infinity;

  constructor({ ms, least = 0.1 }: SlowStart, clock: Clock, record: Pick<EndpointRecord, "beganMs">) {
    this.#ms = ms;
    this.#least = least;
    this.#clock = clock;
    this.#record = record;
  }

  get share(): number {
    const { beganMs } = this.#record;
    // Does not read the clock once it is over.
    if (beganMs === this.#overMs) return 1;
    const share = (this.#clock.now() - beganMs) / this.#ms;
    if (share < 1) return Math.max(this.#least, share);
    this.#overMs = beganMs;
    return 1;
  }
}
