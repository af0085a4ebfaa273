import type { Loan } from "@pagoda/http";

/** More does not fit into the nearest cache: with 64 KiB, 1 MiB costs 1.7 times as much. */
const size = 32_768;

/**
 * Shared by the connections that have no buffer of their own. The platform calls back synchronously
 * after each read, and what outlives the callback is copied.
 */
const shared = Buffer.allocUnsafeSlow(size);

/** Buffers for further use. The latest one is the likeliest to be in the processor's caches. */
const spare: Buffer[] = [];
const maxSpare = 8;

/**
 * Where a connection reads into: the buffer that it shares with others, or during a long response
 * one of its own, whose contents are lent to the reader of the body instead of copied.
 */
export class ReadBuffer implements Loan {
  /** For the next read. */
  bytes: Buffer = shared;
  #isKept = false;

  /** Whether a piece of this size is lent. A shorter one, if kept, would keep too much memory. */
  lends(length: number): boolean {
    return this.bytes !== shared && length >= size / 2;
  }

  keep(): void {
    this.#isKept = true;
  }

  /** Decides after a read where the next one goes. */
  prepare(isInResponse: boolean, length: number): void {
    const isLong = isInResponse && length >= size / 2;
    const isFree = this.bytes !== shared && !this.#isKept;
    this.#isKept = false;
    if (isFree && isLong) return;
    if (isFree && spare.length < maxSpare) spare.push(this.bytes);
    this.bytes = isLong ? (spare.pop() ?? Buffer.allocUnsafeSlow(size)) : shared;
  }
}

/** For what outlives the read into the shared buffer. */
export function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}
