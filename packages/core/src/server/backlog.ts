/** What may wait of one response that its client does not take: with what is left of it here, its source is free. */
export const heldBytes = 262_144;
/** And of all responses of a server together. */
export const allHeldBytes = 33_554_432;

/** What all responses of a server hold for clients that do not take it. */
export class Backlog {
  bytes = 0;
}

/**
 * What one response holds. A client that is slow must not keep the upstream's connection: a response of which no more
 * than {@link heldBytes} are left is taken from its source at once, as far as there is room.
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
