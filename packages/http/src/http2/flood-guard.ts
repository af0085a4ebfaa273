import { type Clock, systemClock } from "@pagoda/core";
import { ConnectionError, errorCode } from "./error-codes.ts";

/** How many events are allowed at once, and how many more per millisecond. */
export interface FloodLimit {
  /** Names the events in error messages. */
  readonly what: string;
  readonly burst: number;
  readonly perMs: number;
}

/** Frames without use. */
const uselessFrames: FloodLimit = { what: "frames without content", burst: 1_000, perMs: 0.1 };
/**
 * How many more for each frame with content. A receiver of DATA may announce windows and send PINGs
 * to measure the path; Envoy allows 10 window updates for each DATA frame.
 */
const perUseful = 8;

/**
 * Bounds frames that cost this side something and carry nothing: PING, SETTINGS, PRIORITY, resets,
 * window updates, empty DATA, informational responses, unknown types (RFC 9113, 10.5). A peer may
 * send 8 of them for each frame with content in either direction, and a burst of 1,000, which
 * renews at 100 per second.
 */
export class FloodGuard {
  readonly #clock: Clock;
  readonly #limit: FloodLimit;
  #left: number;
  #renewedAt: number;

  constructor(clock: Clock = systemClock, limit: FloodLimit = uselessFrames) {
    this.#clock = clock;
    this.#limit = limit;
    this.#left = limit.burst;
    this.#renewedAt = clock.now();
  }

  /** A frame with content was sent or received. */
  useful(): void {
    if (this.#left < this.#limit.burst) this.#left += perUseful;
  }

  /**
   * A frame without content was received.
   *
   * @throws ConnectionError `ENHANCE_YOUR_CALM` if there were too many.
   */
  useless(): void {
    if (--this.#left >= 0) return;
    const now = this.#clock.now();
    const { what, burst, perMs } = this.#limit;
    this.#left = Math.min(burst, Math.floor((now - this.#renewedAt) * perMs)) - 1;
    this.#renewedAt = now;
    if (this.#left < 0) throw new ConnectionError(errorCode.enhanceYourCalm, `too many ${what}`);
  }
}
