import type { PaceLimits } from "./client-limits.ts";

/** At most this much between two looks counts: a process that was held up has not read what arrived meanwhile. */
const longestMs = 2_000;

/**
 * Measures how fast a client moves a body, by looking from time to time: nothing is done for each piece. Time counts as the
 * client's only between two looks that both found the server waiting for the client.
 */
export class Pace {
  #lastMs = 0;
  #lastBytes: number;
  #waited = false;
  /** The client's time, the bytes that it has moved, and for how long of its time it has moved none. */
  #ms = 0;
  #bytes = 0;
  #idleMs = 0;

  /** @param bytes How many the client has moved before. */
  constructor(bytes: number) {
    this.#lastBytes = bytes;
  }

  /** What was before does not count any more. */
  restart(bytes: number): void {
    this.#lastBytes = bytes;
    this.#waited = false;
    this.#ms = 0;
    this.#bytes = 0;
    this.#idleMs = 0;
  }

  /**
   * @param waits Whether the client is waited for now.
   * @param bytes How many it has moved so far.
   * @returns The limit that it violates; `undefined` while it keeps all of them.
   */
  look(now: number, waits: boolean, bytes: number, limits: PaceLimits): string | undefined {
    const moved = bytes - this.#lastBytes;
    const ms = waits && this.#waited ? Math.min(now - this.#lastMs, longestMs) : 0;
    this.#lastMs = now;
    this.#lastBytes = bytes;
    this.#waited = waits;
    this.#bytes += moved;
    if (ms === 0) return undefined;
    this.#ms += ms;
    this.#idleMs = moved > 0 ? 0 : this.#idleMs + ms;
    const { minRate, graceMs, idleMs, totalMs } = limits;
    if (totalMs > 0 && this.#ms >= totalMs) return `took longer than ${totalMs / 1_000} s`;
    if (idleMs > 0 && this.#idleMs >= idleMs) return `stood still for ${idleMs / 1_000} s`;
    if (this.#ms >= graceMs && this.#bytes * 1_000 < minRate * this.#ms)
      return `was slower than ${minRate} bytes a second`;
    return undefined;
  }
}
