import { type Clock, heldUpMs, systemClock, type Timer } from "@pagoda/core";
import { coded } from "./faults.ts";

/** After the process was held up, what has come is read before the time counts as over. */
const secondLookMs = 1;

/** One limit of time after another: setting one takes back the one before. */
export class Limit {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** @param passed Gets an error of that code, which says whether this process was stopped meanwhile. */
  set(ms: number, code: string, passed: (error: Error) => void): void {
    this.clear();
    const dueAt = this.#clock.now() + ms;
    this.#timer = this.#clock.setTimer(ms, () => {
      if (this.#clock.now() - dueAt <= heldUpMs) return passed(coded(code, `nothing in ${ms} ms`));
      this.#timer = this.#clock.setTimer(secondLookMs, () =>
        passed(
          Object.assign(coded(code, `nothing in ${ms} ms, in which this process was held up`), {
            isLocal: true,
          }),
        ),
      );
    });
  }

  /** Something else than the end of a time. */
  run(ms: number, then: () => void): void {
    this.clear();
    this.#timer = this.#clock.setTimer(ms, then);
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
