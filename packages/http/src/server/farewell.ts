import type { Clock, Timer } from "@pagoda/core";

/**
 * How long an idle connection stays open when its server drains. Its client may already have sent a request, which would be
 * lost if the connection closed at once. nginx has `keepalive_min_timeout` for the same purpose.
 */
export const farewellMs = 1_000;
/** Bytes that come start it anew, so that a head in parts arrives as a whole; no more often than this. */
const maxRounds = 5;
/** A busy process finds that the time is over before it reads what came in time: so it looks once more after a read. */
const lastLookMs = 1;

/** Waits until a connection of a draining server has been silent for {@link farewellMs}. */
export class Farewell {
  readonly #clock: Clock;
  readonly #bytes: () => number;
  readonly #over: () => void;
  #seen: number;
  #rounds = 1;
  #isLastLook = false;
  #timer: Timer;

  /**
   * @param bytes How many bytes have come on the connection.
   * @param over Runs when nothing more came, unless it was cancelled before.
   */
  constructor(clock: Clock, bytes: () => number, over: () => void) {
    this.#clock = clock;
    this.#bytes = bytes;
    this.#over = over;
    this.#seen = bytes();
    this.#timer = clock.setTimer(farewellMs, this.#look);
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
      this.#timer = this.#clock.setTimer(farewellMs, this.#look);
    } else if (!this.#isLastLook) {
      this.#isLastLook = true;
      this.#timer = this.#clock.setTimer(lastLookMs, this.#look);
    } else this.#over();
  };
}
