import type { Clock, Timer } from "@pagoda/core";

/**
 * How long an idle connection stays open when the server drains. Its client may already have sent a
 * request, which would be lost if the connection closed at once. nginx has `keepalive_min_timeout`
 * for the same purpose.
 */
export const idleGraceMs = 1_000;
/**
 * How often arriving bytes restart the wait, so that a head in several parts can arrive as a whole.
 */
const maxRounds = 5;
/**
 * In a busy process the timer may fire before bytes that arrived in time are read, so it checks
 * once more after a read.
 */
const lastLookMs = 1;

/** Waits until a connection of a draining server has been idle for {@link idleGraceMs}. */
export class IdleGrace {
  readonly #clock: Clock;
  readonly #bytes: () => number;
  readonly #over: () => void;
  #seen: number;
  #rounds = 1;
  #isLastLook = false;
  #timer: Timer;

  /**
   * @param bytes Returns how many bytes have arrived on the connection.
   * @param over Runs when nothing more has arrived, unless cancelled.
   */
  constructor(clock: Clock, bytes: () => number, over: () => void) {
    this.#clock = clock;
    this.#bytes = bytes;
    this.#over = over;
    this.#seen = bytes();
    this.#timer = clock.setTimer(idleGraceMs, this.#look);
  }

  cancel(): void {
    this.#clock.clearTimer(this.#timer);
  }

  readonly #look = (): void => {
    const bytes = this.#bytes();
    if (bytes !== this.#seen && this.#rounds < maxRounds) {
      this.#seen = bytes;
      this.#rounds++;
      this.#isLastLook = false;
      this.#timer = this.#clock.setTimer(idleGraceMs, this.#look);
    } else if (!this.#isLastLook) {
      this.#isLastLook = true;
      this.#timer = this.#clock.setTimer(lastLookMs, this.#look);
    } else this.#over();
  };
}
