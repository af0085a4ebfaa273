import { frameFlag, frameHeadLength, frameType, writeFrameHead, writeUint32 } from "./frames.ts";
import { Encoder } from "./hpack/encoder.ts";

const { endStream, endHeaders, acknowledged } = frameFlag;

/** Size of the buffers that frames are gathered in, and of the first one, which often suffices. */
const bufferSize = 65_536;
const firstSize = 4_096;
/** Content up to this length is copied: another piece for the system costs more than the copy. */
const maxCopied = 4_096;

/**
 * Gathers the frames of a connection until they are written together. Larger content is referred
 * to, not copied, and must not change before it is written.
 */
export class FrameWriter {
  readonly #encoder = new Encoder();
  readonly #onFrame: () => void;
  /** What is complete, apart from the current buffer. */
  #pieces: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafeSlow(0);
  #start = 0;
  #end = 0;
  /** Where the last frame stands in the buffer, if it is DATA and its stream is not at its end. */
  #dataAt = -1;
  #dataStream = 0;
  /** Bytes that have been gathered. */
  pending = 0;

  /** @param onFrame Called for the first frame since the last `take`. */
  constructor(onFrame: () => void) {
    this.#onFrame = onFrame;
  }

  /** The size of the header table that the peer allows. */
  set tableSize(size: number) {
    this.#encoder.tableSize = size;
  }

  /** Returns what has been gathered. */
  take(): readonly Buffer[] {
    const pieces = this.#pieces;
    this.#cut(pieces);
    this.#pieces = [];
    this.pending = 0;
    this.#dataAt = -1;
    return pieces;
  }

  /** Frees the buffer, unless frames are gathered in it. */
  trim(): void {
    if (this.#end > this.#start) return;
    this.#buffer = noBytes;
    this.#start = 0;
    this.#end = 0;
  }

  bytes(content: Uint8Array): void {
    const at = this.#reserve(content.length);
    this.#buffer.set(content, at);
    this.#added(content.length);
  }

  /** A frame with a short payload. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const at = this.#reserve(frameHeadLength + payload.length);
    writeFrameHead(this.#buffer, at, payload.length, type, flags, stream);
    this.#buffer.set(payload, at + frameHeadLength);
    this.#added(frameHeadLength + payload.length);
  }

  windowUpdate(stream: number, increment: number): void {
    this.#number(frameType.windowUpdate, stream, increment);
  }

  reset(stream: number, code: number): void {
    this.#number(frameType.reset, stream, code);
  }

  settingsAcknowledged(): void {
    this.frame(frameType.settings, acknowledged, 0, noBytes);
  }

  goaway(lastStream: number, code: number): void {
    const at = this.#reserve(frameHeadLength + 8);
    writeFrameHead(this.#buffer, at, 8, frameType.goaway, 0, 0);
    writeUint32(this.#buffer, at + frameHeadLength, lastStream);
    writeUint32(this.#buffer, at + frameHeadLength + 4, code);
    this.#added(frameHeadLength + 8);
  }

  /**
   * A header block, in as many frames as the peer requires.
   *
   * @param fields Alternating names, in lower case, and values, each of valid characters.
   */
  headers(stream: number, fields: readonly string[], isLast: boolean, maxFrame: number): void {
    const at = this.#reserve(frameHeadLength + Encoder.bound(fields));
    const from = at + frameHeadLength;
    const to = this.#encoder.encode(fields, this.#buffer, from);
    const flags = isLast ? endStream : 0;
    if (to - from <= maxFrame) {
      writeFrameHead(this.#buffer, at, to - from, frameType.headers, flags | endHeaders, stream);
      return this.#added(to - at);
    }
    const block = Buffer.from(this.#buffer.subarray(from, to));
    for (let n = 0; n < block.length; n += maxFrame) {
      const end = n + maxFrame >= block.length ? endHeaders : 0;
      const type = n === 0 ? frameType.headers : frameType.continuation;
      this.frame(type, (n === 0 ? flags : 0) | end, stream, block.subarray(n, n + maxFrame));
    }
  }

  /** A DATA frame with a part of a chunk. */
  data(stream: number, chunk: Uint8Array, from: number, to: number, isLast: boolean): void {
    const length = to - from;
    const isCopied = length <= maxCopied;
    const at = this.#reserve(frameHeadLength + (isCopied ? length : 0));
    writeFrameHead(this.#buffer, at, length, frameType.data, isLast ? endStream : 0, stream);
    const part = from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    if (isCopied) {
      this.#buffer.set(part, at + frameHeadLength);
      this.#added(frameHeadLength + length);
    } else {
      this.#added(frameHeadLength);
      this.#cut(this.#pieces);
      this.#pieces.push(Buffer.from(part.buffer, part.byteOffset, length));
      this.pending += length;
    }
    if (isLast) return;
    this.#dataAt = at;
    this.#dataStream = stream;
  }

  /** Ends a stream, with its last DATA frame if that is the last of all frames. */
  endData(stream: number): void {
    if (this.#dataAt >= 0 && this.#dataStream === stream) {
      this.#buffer[this.#dataAt + 4] = endStream;
      this.#dataAt = -1;
    } else this.data(stream, noBytes, 0, 0, true);
  }

  #number(type: number, stream: number, value: number): void {
    const at = this.#reserve(frameHeadLength + 4);
    writeFrameHead(this.#buffer, at, 4, type, 0, stream);
    writeUint32(this.#buffer, at + frameHeadLength, value);
    this.#added(frameHeadLength + 4);
  }

  /** Makes room, and returns where it begins. */
  #reserve(length: number): number {
    this.#dataAt = -1;
    if (this.#end + length <= this.#buffer.length) return this.#end;
    this.#cut(this.#pieces);
    this.#buffer = Buffer.allocUnsafeSlow(
      Math.max(this.#buffer.length === 0 ? firstSize : bufferSize, length),
    );
    this.#start = 0;
    this.#end = 0;
    return 0;
  }

  #added(length: number): void {
    this.#end += length;
    this.pending += length;
    if (this.pending === length) this.#onFrame();
  }

  /** Moves what is in the buffer to the pieces. */
  #cut(pieces: Buffer[]): void {
    if (this.#end > this.#start) pieces.push(this.#buffer.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

const noBytes = Buffer.alloc(0);
