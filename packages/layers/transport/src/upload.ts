import type { Socket } from "node:net";
import type { Body, BodyBroken, BodyFlow, BodySink, HttpHeaders } from "@pagoda/http";
import { sendableTrailers } from "./sendable-trailers.ts";
import { Unsendable } from "./unsendable.ts";

/** Callbacks of an {@link Upload}. */
export interface UploadHandler {
  /** The origin stopped or resumed reading. */
  blocked(isBlocked: boolean): void;
  /** Everything was sent. */
  sent(): void;
  /** The request cannot be completed; the connection must be closed. */
  failed(error: Error | BodyBroken): void;
}

/**
 * Longer chunks are written in parts of this size, so that a finished part shows that the origin is
 * still reading.
 */
const partBytes = 65_536;

/** Writes a request body to the socket, with backpressure. */
export class Upload implements BodySink {
  readonly #socket: Socket;
  readonly #handler: UploadHandler;
  readonly #chunked: boolean;
  /** Remaining bytes, if the length is declared. */
  #left: number;
  #flow: BodyFlow | undefined;
  /** The unwritten rest of a chunk. */
  #rest: Uint8Array | undefined;
  /** Trailers of an end that arrived while a rest is unwritten. */
  #trailers: HttpHeaders | undefined;
  #over = false;

  constructor(socket: Socket, framing: number | "chunked", handler: UploadHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.#chunked = framing === "chunked";
    this.#left = framing === "chunked" ? Infinity : framing;
  }

  get over(): boolean {
    return this.#over;
  }

  begin(body: Body): void {
    try {
      const flow = body.pipe(this);
      // It may already have been stopped while piping the first chunks.
      if (this.#over) flow.cancel();
      else this.#flow = flow;
    } catch (error) {
      this.#fail(new Unsendable((error as Error).message, { cause: error }));
    }
  }

  /** The socket accepts data again. */
  drained(): void {
    if (this.#over) return;
    this.#handler.blocked(false);
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && !this.#writeParts(rest)) return;
    if (this.#trailers !== undefined) this.end(this.#trailers);
    else this.#flow?.resume();
  }

  /** Cancels the rest. */
  stop(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#flow?.cancel(reason);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return false;
    if (chunk.length > this.#left) {
      this.#fail(new Unsendable("the body is longer than its Content-Length"));
      return false;
    }
    if (chunk.length === 0) return true;
    this.#left -= chunk.length;
    if (this.#rest === undefined) return this.#writeParts(chunk);
    // Keeps the order for a source that ignores backpressure.
    this.#rest = Buffer.concat([this.#rest, chunk]);
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#over) return;
    if (this.#rest !== undefined) {
      this.#trailers = trailers;
      return;
    }
    if (!this.#chunked && this.#left > 0)
      return this.#fail(new Unsendable("the body is shorter than its Content-Length"));
    if (this.#chunked) {
      const lines = sendableTrailers(trailers).map(([name, value]) => `${name}: ${value}\r\n`);
      this.#socket.write(`0\r\n${lines.join("")}\r\n`, "latin1");
    }
    this.#over = true;
    this.#handler.sent();
  }

  fail(fault: BodyBroken): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.failed(fault);
  }

  #writeParts(chunk: Uint8Array): boolean {
    let from = 0;
    do {
      const part = chunk.length <= partBytes ? chunk : chunk.subarray(from, from + partBytes);
      from += part.length;
      if (this.#chunked ? this.#writeChunk(part) : this.#socket.write(part)) continue;
      if (from < chunk.length) this.#rest = chunk.subarray(from);
      this.#handler.blocked(true);
      return false;
    } while (from < chunk.length);
    return true;
  }

  #writeChunk(chunk: Uint8Array): boolean {
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    this.#socket.write(chunk);
    const hasRoom = this.#socket.write("\r\n", "latin1");
    this.#socket.uncork();
    return hasRoom;
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#flow?.cancel(error);
    this.#handler.failed(error);
  }
}
