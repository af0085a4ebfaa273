import type { ClientHttp2Stream } from "node:http2";
import {
  asObject,
  type Body,
  type BodyBroken,
  type BodyFlow,
  type BodySink,
  HttpHeaders,
  type RawHeaders,
  withSingleLines,
} from "@pagoda/http";
import { sendableTrailers } from "../sendable-trailers.ts";
import { Unsendable } from "../unsendable.ts";
import { leftOut } from "./request-fields.ts";

/** Callbacks of an {@link Upload}. */
export interface UploadHandler {
  /** The origin stopped or resumed reading. */
  blocked(isBlocked: boolean): void;
  /** Everything was sent. */
  sent(): void;
  /** The request cannot be completed. */
  failed(error: Error | BodyBroken): void;
}

/** Writes a request body to a stream, with backpressure. */
export class Upload implements BodySink {
  readonly #stream: ClientHttp2Stream;
  readonly #handler: UploadHandler;
  /** Remaining bytes, if the length is declared. */
  #left: number;
  #flow: BodyFlow | undefined;
  #trailers: HttpHeaders = HttpHeaders.empty;
  #over = false;

  constructor(stream: ClientHttp2Stream, length: number | undefined, handler: UploadHandler) {
    this.#stream = stream;
    this.#handler = handler;
    this.#left = length ?? Infinity;
    stream.on("drain", () => {
      if (this.#over) return;
      handler.blocked(false);
      this.#flow?.resume();
    });
    stream.once("wantTrailers", () => this.#sendTrailers());
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

  /** Cancels the rest. */
  stop(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#flow?.cancel(reason);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return false;
    this.#left -= chunk.length;
    if (this.#left >= 0) {
      const hasRoom = this.#stream.write(chunk);
      if (!hasRoom) this.#handler.blocked(true);
      return hasRoom;
    }
    this.#fail(new Unsendable("the body is longer than its Content-Length"));
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#over) return;
    if (this.#left !== Infinity && this.#left > 0)
      return this.#fail(new Unsendable("the body is shorter than its Content-Length"));
    this.#over = true;
    this.#trailers = trailers;
    this.#stream.end();
    this.#handler.sent();
  }

  fail(fault: BodyBroken): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.failed(fault);
  }

  #sendTrailers(): void {
    const stream = this.#stream;
    try {
      withSingleLines(fieldsOf(this.#trailers), (lines) => stream.sendTrailers(asObject(lines)));
    } catch (error) {
      // Without its trailers it would be a different request.
      this.#handler.failed(new Unsendable((error as Error).message, { cause: error }));
    }
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#flow?.cancel(error);
    this.#handler.failed(error);
  }
}

/** Drops connection fields, for which Node throws. */
function fieldsOf(trailers: HttpHeaders): RawHeaders {
  const fields: string[] = [];
  for (const [name, value] of sendableTrailers(trailers)) {
    const lower = name.toLowerCase();
    if (!leftOut.has(lower) && lower !== "te") fields.push(lower, value);
  }
  return fields;
}
