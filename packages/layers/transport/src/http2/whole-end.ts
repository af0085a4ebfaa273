import type { ClientHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

const wholeEnd = Symbol("wholeEnd");

type Watched = ClientHttp2Stream & { [wholeEnd]?: boolean };

/**
 * Tells a response that is complete from one that was reset with NO_ERROR: Node ends the readable side of both in the same
 * way, by pushing `null`. The stream is closed by then only where it was reset.
 */
export function watchEnd(stream: ClientHttp2Stream): void {
  stream.push = push;
}

/** Whether the stream ended with END_STREAM. Asked once it has ended. */
export function endedWhole(stream: ClientHttp2Stream): boolean {
  return (stream as Watched)[wholeEnd] !== false;
}

function push(this: Watched, piece: unknown, encoding?: BufferEncoding): boolean {
  // When it is closed Node pushes once more, whatever was before.
  if (piece === null) this[wholeEnd] ??= !this.closed;
  return Readable.prototype.push.call(this, piece, encoding);
}
