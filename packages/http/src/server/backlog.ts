/** Bytes of one response that may wait for a slow client: once the rest of it is here, its source is free. */
export const heldBytes = 262_144;
/** The same for all responses of a server together. */
export const allHeldBytes = 33_554_432;

/** Bytes that all responses of a server hold for slow clients. */
export class Backlog {
  bytes = 0;
}

/**
 * What one response holds. A slow client must not keep the upstream connection, so a response with at most
 * {@link heldBytes} left is read from its source at once, if there is room.
 */
export class Held {
  readonly #backlog: Backlog;
  #bytes = 0;
  /** Bytes still to come, where that is known. */
  #left: number | undefined;

  /** @param length Of the response's body, where it is known. */
  constructor(backlog: Backlog, length: number | undefined) {
    this.#backlog = backlog;
    this.#left = length;
  }

  /** A piece has gone out, or waits to. Whether more may come although the client takes a break. */
  wrote(bytes: number, clientTakes: boolean): boolean {
    if (this.#left !== undefined) this.#left -= bytes;
    if (clientTakes) return true;
    this.#bytes += bytes;
    this.#backlog.bytes += bytes;
    // Where more is to come than may wait, it does not free its source, and only costs memory.
    return this.#bytes + (this.#left ?? 0) < heldBytes && this.#backlog.bytes < allHeldBytes;
  }

  /** The client has taken all, or will not. */
  clear(): void {
    this.#backlog.bytes -= this.#bytes;
    this.#bytes = 0;
  }
}
