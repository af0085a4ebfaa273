import type { PaceLimits } from "../client-limits.ts";
import { Pace } from "../pace.ts";

/** The progress of one stream, which is checked from time to time. */
export class StreamPace {
  /** Bytes transferred in either direction, and since when there have been no more. */
  #bytes = 0;
  #quietSince: number;
  /** The client's pace in sending the body, if a limit applies to it. */
  #body: Pace | undefined;

  constructor(now: number) {
    this.#quietSince = now;
  }

  measureBody(): void {
    this.#body = new Pace(0);
  }

  /**
   * Whether nothing has been transferred for too long.
   *
   * @param lostMs How long the process was held up and could not check.
   * @param moves Whether a part of the response was certainly transferred.
   */
  isQuiet(now: number, lostMs: number, bytes: number, moves: boolean, quietMs: number): boolean {
    this.#quietSince += lostMs;
    if (moves || bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#quietSince = now;
    }
    return now - this.#quietSince >= quietMs;
  }

  /** Returns the limit that the client violates, once. */
  lookAtBody(now: number, waits: boolean, bytes: number, limits: PaceLimits): string | undefined {
    const why = this.#body?.look(now, waits, bytes, limits);
    if (why !== undefined) this.#body = undefined;
    return why;
  }
}
