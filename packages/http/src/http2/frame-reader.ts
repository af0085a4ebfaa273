import { ConnectionError, errorCode } from "./error-codes.ts";
import { defaultFrameSize, frameFlag, frameHeadLength, frameType, readUint31 } from "./frames.ts";
import { HeaderBlock } from "./header-block.ts";

const { endStream, endHeaders, padded, priority } = frameFlag;

/** Receives the frames of a connection. */
export interface FrameHandler {
  /** A DATA frame begins. Its payload, with `length` bytes of which some may be padding, follows. */
  dataBegins(stream: number, length: number): void;
  /** A piece of the DATA frame. The bytes are only valid during the call. */
  data(bytes: Buffer, from: number, to: number): void;
  /** The DATA frame is complete. */
  dataEnds(isLast: boolean): void;
  /** A complete header block. The bytes are only valid during the call. */
  headers(stream: number, isLast: boolean, bytes: Buffer, from: number, to: number): void;
  /** Any other frame. The bytes are only valid during the call. */
  control(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void;
}

/**
 * Parses the frames of one connection (RFC 9113, 4), whose bytes arrive in pieces of any size.
 *
 * DATA passes through as it arrives. All other frames are handed over whole, and
 * header blocks with their continuations.
 */
export class FrameReader {
  /** Complete frames so far, a header block with its continuations counted as one. */
  frames = 0;
  readonly #handler: FrameHandler;
  readonly #block = new HeaderBlock();
  /** An incomplete frame that is not DATA, or an incomplete head. */
  #held: Buffer = nothing;
  #heldLength = 0;
  /** Remaining content and padding of a DATA frame. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #isDataLast = false;
  /** The next byte is the length of its padding. */
  #isPaddingUnread = false;
  #isStopped = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Whether a frame other than DATA, or a header block, has begun and is incomplete. */
  get isIncomplete(): boolean {
    return this.#heldLength > 0 || this.#block.stream !== 0;
  }

  /** Frees the buffer for incomplete frames. */
  trim(): void {
    if (this.#heldLength === 0) this.#held = nothing;
  }

  /** Ignores everything further. */
  stop(): void {
    this.#isStopped = true;
    this.#held = nothing;
  }

  /**
   * Parses the first `end` bytes of a buffer, which may be reused afterwards.
   *
   * @throws ConnectionError
   */
  read(bytes: Buffer, end: number): void {
    let at = 0;
    while (at < end && !this.#isStopped) {
      if (this.#dataLeft > 0 || this.#paddingLeft > 0) at = this.#readData(bytes, at, end);
      else if (this.#heldLength > 0) at = this.#complete(bytes, at, end);
      else at = this.#readFrame(bytes, at, end);
    }
  }

  #readFrame(bytes: Buffer, at: number, end: number): number {
    if (end - at < frameHeadLength) return this.#hold(bytes, at, end);
    const length = lengthAt(bytes, at);
    if (bytes[at + 3] === frameType.data) {
      this.#beginData(bytes, at, length);
      return at + frameHeadLength;
    }
    const payload = at + frameHeadLength;
    if (end - payload < length) return this.#hold(bytes, at, end);
    this.#whole(bytes, at, payload, payload + length);
    return payload + length;
  }

  #hold(bytes: Buffer, at: number, end: number): number {
    if (this.#held.length === 0) this.#held = Buffer.allocUnsafeSlow(frameHeadLength + defaultFrameSize);
    bytes.copy(this.#held, 0, at, end);
    this.#heldLength = end - at;
    return end;
  }

  /** Adds to the incomplete frame what it lacks, first its head. */
  #complete(bytes: Buffer, at: number, end: number): number {
    const held = this.#held;
    const hasHead = this.#heldLength >= frameHeadLength;
    const needed = hasHead ? frameHeadLength + lengthAt(held, 0) : frameHeadLength;
    const to = Math.min(end, at + needed - this.#heldLength);
    bytes.copy(held, this.#heldLength, at, to);
    this.#heldLength += to - at;
    if (this.#heldLength < needed) return to;
    const length = hasHead ? needed - frameHeadLength : lengthAt(held, 0);
    if (held[3] === frameType.data) {
      this.#heldLength = 0;
      this.#beginData(held, 0, length);
    } else if (hasHead || length === 0) {
      this.#heldLength = 0;
      this.#whole(held, 0, frameHeadLength, needed);
    }
    return to;
  }

  #beginData(bytes: Buffer, at: number, length: number): void {
    this.#block.check(frameType.data, 0);
    const flags = bytes[at + 4] as number;
    const stream = readUint31(bytes, at + 5);
    if (stream === 0) throw new ConnectionError(errorCode.protocolError, "DATA on stream 0");
    this.#isPaddingUnread = (flags & padded) !== 0;
    if (this.#isPaddingUnread && length === 0)
      throw new ConnectionError(errorCode.frameSizeError, "padded DATA without a padding length");
    this.#isDataLast = (flags & endStream) !== 0;
    this.#dataLeft = length;
    this.#handler.dataBegins(stream, length);
    if (length === 0) this.#handler.dataEnds(this.#isDataLast);
  }

  #readData(bytes: Buffer, at: number, end: number): number {
    if (this.#isPaddingUnread) {
      this.#isPaddingUnread = false;
      const padding = bytes[at++] as number;
      if (padding >= this.#dataLeft) throw overPadded();
      this.#dataLeft -= 1 + padding;
      this.#paddingLeft = padding;
    }
    if (this.#dataLeft > 0) {
      const to = Math.min(end, at + this.#dataLeft);
      if (to === at) return at;
      this.#dataLeft -= to - at;
      this.#handler.data(bytes, at, to);
      at = to;
    }
    if (this.#dataLeft === 0) {
      const skipped = Math.min(end - at, this.#paddingLeft);
      this.#paddingLeft -= skipped;
      at += skipped;
      if (this.#paddingLeft === 0) this.#handler.dataEnds(this.#isDataLast);
    }
    return at;
  }

  /** A complete frame, apart from DATA. */
  #whole(bytes: Buffer, head: number, from: number, to: number): void {
    const type = bytes[head + 3] as number;
    const flags = bytes[head + 4] as number;
    const stream = readUint31(bytes, head + 5);
    this.#block.check(type, stream);
    if (type !== frameType.continuation) this.frames++;
    if (type === frameType.headers) this.#headers(flags, stream, bytes, from, to);
    else if (type === frameType.continuation) this.#continuation(flags, bytes, from, to);
    else this.#handler.control(type, flags, stream, bytes, from, to);
  }

  #headers(flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    if (stream === 0) throw new ConnectionError(errorCode.protocolError, "HEADERS on stream 0");
    const isPadded = (flags & padded) !== 0;
    const hasPriority = (flags & priority) !== 0;
    if (to - from < (isPadded ? 1 : 0) + (hasPriority ? 5 : 0))
      throw new ConnectionError(errorCode.frameSizeError, "HEADERS shorter than its flags require");
    if (isPadded) to -= bytes[from++] as number;
    // Priorities are deprecated (RFC 9113, 5.3.2).
    if (hasPriority) from += 5;
    if (from > to) throw overPadded();
    const isLast = (flags & endStream) !== 0;
    if ((flags & endHeaders) !== 0) this.#handler.headers(stream, isLast, bytes, from, to);
    else this.#block.begin(stream, isLast, bytes, from, to);
  }

  #continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    const block = this.#block;
    block.add(bytes, from, to);
    if ((flags & endHeaders) === 0) return;
    const { stream, isLast } = block;
    const whole = block.end();
    this.#handler.headers(stream, isLast, whole, 0, whole.length);
  }
}

const nothing = Buffer.alloc(0);

/** Reads the length of a frame, which must not exceed what this side accepts (RFC 9113, 4.2). */
function lengthAt(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  if (length > defaultFrameSize)
    throw new ConnectionError(errorCode.frameSizeError, `frame of ${length} bytes`);
  return length;
}

function overPadded(): ConnectionError {
  return new ConnectionError(errorCode.protocolError, "padding longer than its frame");
}
