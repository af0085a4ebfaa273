/**
 * Bytes of one response buffered for a slow client: once the rest has been buffered, its source is
 * free.
 */
export const heldBytes = 262_144;
/** The same for all responses of a server combined. */
export const allHeldBytes = 33_554_432;

/** Bytes buffered for slow clients by all responses of a server. */
export class Backlog {
  bytes = 0;
}

/**
 * The buffer of one response. A slow client must not occupy the upstream connection, so a response
 * with at most {@link heldBytes} left is read from its source at once, if there is room.
 */
export class Held {
  readonly #backlog: Backlog;
  #bytes = 0;
  /** Bytes still to come, if known. */
  #left: number | undefined;

  /** @param length Length of the response body, if known. */
  constructor(backlog: Backlog, length: number | undefined) {
    this.#backlog = backlog;
    this.#left = length;
  }

  /**
   * Counts a chunk that was written or buffered. Returns whether more may come although the client
   * is paused.
   */
  wrote(bytes: number, clientTakes: boolean): boolean {
    if (this.#left !== undefined) this.#left -= bytes;
    if (clientTakes) return true;
    this.#bytes += bytes;
    this.#backlog.bytes += bytes;
    // If the rest does not fit, buffering does not free the source and only costs memory.
    return this.#bytes + (this.#left ?? 0) < heldBytes && this.#backlog.bytes < allHeldBytes;
  }

  /** Releases the buffer: the client has received everything, or is gone. */
  clear(): void {
    this.#backlog.bytes -= this.#bytes;
    this.#bytes = 0;
  }
}
