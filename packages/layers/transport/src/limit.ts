import { type Clock, stallMs, systemClock, type Timer } from "@pagoda/core";
import { timedOut } from "./faults.ts";

/** Grace period after a stall of the process, in which pending data is read first. */
const secondLookMs = 1;

/** A time limit. Setting a new one replaces the old one. */
export class Limit {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * @param passed Receives an error with this code; `isLocal` is set if this process was stalled.
   */
  set(ms: number, code: string, passed: (error: Error) => void): void {
    this.clear();
    const dueAt = this.#clock.now() + ms;
    this.#timer = this.#clock.setTimer(ms, () => {
      if (this.#clock.now() - dueAt <= stallMs) return passed(timedOut(code, ms, false));
      this.#timer = this.#clock.setTimer(secondLookMs, () => passed(timedOut(code, ms, true)));
    });
  }

  /** Runs a function after a delay instead. */
  run(ms: number, then: () => void): void {
    this.clear();
    this.#timer = this.#clock.setTimer(ms, then);
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
