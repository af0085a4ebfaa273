import type { Clock } from "@pagoda/core";

/** Milliseconds of work in one turn of the event loop. */
const turnMs = 10;

/** Divides long work into turns of the event loop, so that calls are served in between. */
export class Turns {
  readonly #clock: Clock;
  #begun: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begun = clock.now();
  }

  /** A promise for the next turn if this one has been long enough; to be asked between steps. */
  next(): Promise<void> | undefined {
    if (this.#clock.now() - this.#begun < turnMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#begun = this.#clock.now();
        resolve();
      });
    });
  }
}
