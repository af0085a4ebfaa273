import { maxUint31 } from "./frames.ts";

/** How much may be sent, on a connection or a stream (RFC 9113, 6.9). */
export class SendWindow {
  /** May be negative after the peer has reduced its initial window (RFC 9113, 6.9.2). */
  available: number;

  constructor(size: number) {
    this.available = size;
  }

  /** Returns false if the window would exceed the largest possible (RFC 9113, 6.9.1). */
  grow(increment: number): boolean {
    this.available += increment;
    return this.available <= maxUint31;
  }
}

/**
 * How much may be received. What the reader has taken is announced to the sender in large steps:
 * half of the window at a time.
 */
export class ReceiveWindow {
  readonly #size: number;
  #available: number;
  /** Taken by the reader but not announced. */
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  /** Receives bytes. Returns false if the sender has exceeded the window. */
  receive(length: number): boolean {
    this.#available -= length;
    return this.#available >= 0;
  }

  /** The reader has taken bytes. Returns the increment to announce; 0 for none yet. */
  take(length: number): number {
    const taken = this.#taken + length;
    if (taken * 2 < this.#size) {
      this.#taken = taken;
      return 0;
    }
    this.#taken = 0;
    this.#available += taken;
    return taken;
  }
}
