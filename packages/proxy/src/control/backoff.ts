import type { Clock } from "@pagoda/core";

/** Time without a crash after which the backoff is reset. */
const quietMs = 60_000;
const firstMs = 100;
const mostMs = 10_000;

/** How long to wait before replacing a dead worker: zero the first time, then increasing. */
export class Backoff {
  readonly #clock: Clock;
  #last = -Infinity;
  #ms = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): number {
    const now = this.#clock.now();
    this.#ms = now - this.#last >= quietMs ? 0 : Math.min(mostMs, Math.max(firstMs, this.#ms * 2));
    this.#last = now;
    return this.#ms;
  }
}
