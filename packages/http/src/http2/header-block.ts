import { ConnectionError, errorCode } from "./error-codes.ts";
import { frameType } from "./frames.ts";

/**
 * Most bytes of an encoded block. A list within the limit of fields could take more only if it were
 * encoded wastefully.
 */
const maxBlock = 131_072;
/** Most continuations of a block. Peers send frames of 16 KiB; only an attack needs many. */
const maxContinuations = 16;

/** Gathers a header block that continues in further frames (RFC 9113, 4.3 and 6.10). */
export class HeaderBlock {
  /** Stream of the open block; 0 for none. */
  stream = 0;
  isLast = false;
  #pieces: Buffer[] = [];
  #length = 0;

  /**
   * Checks that the next frame may come now: only continuations of the same stream interrupt an
   * open block, and only an open block is continued.
   *
   * @throws ConnectionError
   */
  check(type: number, stream: number): void {
    const isContinuation = type === frameType.continuation;
    if (this.stream === 0 ? !isContinuation : isContinuation && stream === this.stream) return;
    const what = this.stream === 0 ? "CONTINUATION without HEADERS" : "header block interrupted";
    throw new ConnectionError(errorCode.protocolError, what);
  }

  begin(stream: number, isLast: boolean, bytes: Buffer, from: number, to: number): void {
    this.stream = stream;
    this.isLast = isLast;
    this.add(bytes, from, to);
  }

  /** @throws ConnectionError if the block grows too long, or in too small pieces. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#length += to - from;
    if (this.#length > maxBlock || this.#pieces.length > maxContinuations)
      throw new ConnectionError(errorCode.enhanceYourCalm, "header block too long");
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
  }

  /** Returns the block. */
  end(): Buffer {
    const whole = Buffer.concat(this.#pieces);
    this.stream = 0;
    this.#pieces = [];
    this.#length = 0;
    return whole;
  }
}
