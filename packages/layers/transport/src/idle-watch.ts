/** A socket or stream that emits `timeout` after inactivity. */
interface Timed {
  setTimeout(ms: number): unknown;
  on(event: "timeout", run: () => void): unknown;
}

/**
 * Grace period after a timeout. A process that was stalled sees the timer before data that arrived
 * in time, so pending data is read first.
 */
const secondLookMs = 1;

/** Idle timeout of a response body. Time in which the reader is paused does not count. */
export class IdleWatch {
  readonly #timed: Timed;
  readonly #ms: number;
  readonly #isPaused: () => boolean;
  readonly #silent: () => void;
  #watches = false;
  /** The timeout expired and the grace period is running. */
  #suspected = false;

  /**
   * @param ms 0 for no timeout.
   * @param isPaused Whether the reader is paused.
   * @param silent Called when the timeout expires.
   */
  constructor(timed: Timed, ms: number, isPaused: () => boolean, silent: () => void) {
    this.#timed = timed;
    this.#ms = ms;
    this.#isPaused = isPaused;
    this.#silent = silent;
    timed.on("timeout", () => this.#onSilence());
  }

  start(): void {
    if (!this.#watches) this.#begin(this.#ms);
  }

  stop(): void {
    if (this.#watches) this.#begin(0);
  }

  /** Data has arrived. */
  heard(): void {
    if (this.#suspected) this.#begin(this.#ms);
  }

  /** The reader resumed: the timeout restarts. */
  resumed(): void {
    if (this.#watches) this.#begin(this.#ms);
  }

  #begin(ms: number): void {
    this.#watches = ms > 0;
    this.#suspected = false;
    this.#timed.setTimeout(ms);
  }

  #onSilence(): void {
    if (!this.#watches) return;
    const isPaused = this.#isPaused();
    if (isPaused || !this.#suspected) {
      this.#suspected = !isPaused;
      this.#timed.setTimeout(isPaused ? this.#ms : secondLookMs);
    } else this.#silent();
  }
}
