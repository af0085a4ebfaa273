import type { ClientHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

const wholeEnd = Symbol("wholeEnd");

type Watched = ClientHttp2Stream & { [wholeEnd]?: boolean };

/**
 * Distinguishes a complete response from one reset with NO_ERROR. Node ends the readable side of
 * both by pushing `null`; only after a reset is the stream closed by then.
 */
export function watchEnd(stream: ClientHttp2Stream): void {
  stream.push = push;
}

/** Whether the stream ended with END_STREAM. Call after its end. */
export function endedWhole(stream: ClientHttp2Stream): boolean {
  return (stream as Watched)[wholeEnd] !== false;
}

function push(this: Watched, piece: unknown, encoding?: BufferEncoding): boolean {
  // Node always pushes `null` again on close.
  if (piece === null) this[wholeEnd] ??= !this.closed;
  return Readable.prototype.push.call(this, piece, encoding);
}
