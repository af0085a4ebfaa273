import type { Random } from "@pagoda/core";

const firstMs = 50;
const mostMs = 1_000;

/** Delays between attempts to connect: doubled each time, and random by half, so that not all come at once. */
export class Backoff {
  readonly #random: Random;
  #ms = firstMs;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): number {
    const ms = this.#ms * (0.5 + this.#random() / 2);
    this.#ms = Math.min(mostMs, 2 * this.#ms);
    return ms;
  }

  reset(): void {
    this.#ms = firstMs;
  }
}
