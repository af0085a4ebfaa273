import { type Clock, systemClock, type Timer } from "@pagoda/core";

/**
 * Reports inactivity, as sockets do. An activity only notes the time; the timer looks at it when it
 * fires.
 */
export class ActivityTimer {
  readonly #clock: Clock;
  #ms = 0;
  #lastAt = 0;
  #timer: Timer | undefined;
  #run: () => void = () => {};

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  on(_event: "timeout", run: () => void): void {
    this.#run = run;
  }

  /** Starts the time anew; 0 for no limit. */
  setTimeout(ms: number): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#ms = ms;
    if (ms === 0) return;
    this.active();
    this.#timer = this.#clock.setTimer(ms, this.#look);
  }

  active(): void {
    this.#lastAt = this.#clock.now();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const left = this.#lastAt + this.#ms - this.#clock.now();
    if (left >= 1) this.#timer = this.#clock.setTimer(left, this.#look);
    else this.#run();
  };
}
