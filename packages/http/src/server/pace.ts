import type { PaceLimits } from "./client-limits.ts";

/**
 * Maximum time counted between two checks: a process that was held up has not read what arrived
 * meanwhile.
 */
const longestMs = 2_000;

/**
 * Measures how fast a client transfers a body by checking periodically, without work per chunk.
 * Time counts against the client only between two checks that both found the server waiting for it.
 */
export class Pace {
  #lastMs = 0;
  #lastBytes: number;
  #waited = false;
  /**
   * Time spent waiting for the client, bytes that it has transferred, and how much of that time
   * without a byte.
   */
  #ms = 0;
  #bytes = 0;
  #idleMs = 0;

  /** @param bytes Bytes that the client has transferred before. */
  constructor(bytes: number) {
    this.#lastBytes = bytes;
  }

  /** Starts over. */
  restart(bytes: number): void {
    this.#lastBytes = bytes;
    this.#waited = false;
    this.#ms = 0;
    this.#bytes = 0;
    this.#idleMs = 0;
  }

  /**
   * Checks the client's pace.
   *
   * @param waits Whether the server is waiting for the client now.
   * @param bytes Bytes that the client has transferred so far.
   * @returns The violated limit, or `undefined`.
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
    if (idleMs > 0 && this.#idleMs >= idleMs) return `stalled for ${idleMs / 1_000} s`;
    if (this.#ms >= graceMs && this.#bytes * 1_000 < minRate * this.#ms)
      return `was slower than ${minRate} bytes per second`;
    return undefined;
  }
}
