/** A socket or a stream: it says `timeout` when nothing has passed for so long. */
interface Timed {
  setTimeout(ms: number): unknown;
  on(event: "timeout", run: () => void): unknown;
}

/**
 * A program that was held up finds that the time is over before it finds what has come in time: when it is over, what
 * may have come is read before it counts.
 */
const secondLookMs = 1;

/** Says when the body of a response has been silent for too long. A break that its reader takes does not count. */
export class IdleWatch {
  readonly #timed: Timed;
  readonly #ms: number;
  readonly #isBreak: () => boolean;
  readonly #silent: () => void;
  #watches = false;
  /** It has been silent for as long as it may be, and is looked at once more. */
  #suspected = false;

  /**
   * @param ms 0: for ever.
   * @param isBreak Whether it is the reader who takes nothing now.
   * @param silent Runs when nothing has come for that long.
   */
  constructor(timed: Timed, ms: number, isBreak: () => boolean, silent: () => void) {
    this.#timed = timed;
    this.#ms = ms;
    this.#isBreak = isBreak;
    this.#silent = silent;
    timed.on("timeout", () => this.#onSilence());
  }

  start(): void {
    if (!this.#watches) this.#begin(this.#ms);
  }

  stop(): void {
    if (this.#watches) this.#begin(0);
  }

  /** Something has come. */
  heard(): void {
    if (this.#suspected) this.#begin(this.#ms);
  }

  /** The reader's break is over: the origin has its whole time from now on. */
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
    const isBreak = this.#isBreak();
    if (isBreak || !this.#suspected) {
      this.#suspected = !isBreak;
      this.#timed.setTimeout(isBreak ? this.#ms : secondLookMs);
    } else this.#silent();
  }
}
