import {
  type Body,
  type BodyBroken,
  type BodyFlow,
  type BodySink,
  type HttpHeaders,
  type RawHeaders,
  singleLines,
} from "@pagoda/http";
import type { ClientStream } from "@pagoda/http/http2";
import { sendableTrailers } from "../sendable-trailers.ts";
import { Unsendable } from "../unsendable.ts";
import { fieldKind, joinsRepeated, knownField } from "./known-fields.ts";

/** Callbacks of an {@link Upload}. */
export interface UploadHandler {
  /** Data was passed on. */
  passed(): void;
  /** The origin stopped or resumed reading. */
  blocked(isBlocked: boolean): void;
  /** Everything was sent. */
  sent(): void;
  /** The request cannot be completed. */
  failed(error: Error | BodyBroken): void;
}

/** Writes a request body to a stream, with backpressure. */
export class Upload implements BodySink {
  readonly #stream: ClientStream;
  readonly #handler: UploadHandler;
  /** Remaining bytes, if the length is declared. */
  #left: number;
  #flow: BodyFlow | undefined;
  #over = false;

  constructor(stream: ClientStream, length: number | undefined, handler: UploadHandler) {
    this.#stream = stream;
    this.#handler = handler;
    this.#left = length ?? Infinity;
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

  /** The stream accepts data again. */
  drained(): void {
    if (this.#over) return;
    this.#handler.blocked(false);
    this.#flow?.resume();
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
      this.#handler.passed();
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
    this.#stream.end(trailers.size === 0 ? undefined : fieldsOf(trailers));
    this.#handler.sent();
  }

  fail(fault: BodyBroken): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.failed(fault);
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#flow?.cancel(error);
    this.#handler.failed(error);
  }
}

/** Drops connection fields, which are malformed in HTTP/2. */
function fieldsOf(trailers: HttpHeaders): RawHeaders {
  const fields: string[] = [];
  let isRepeated = false;
  for (const [name, value] of sendableTrailers(trailers)) {
    const field = knownField(name);
    if (field.kind === fieldKind.leftOut || field.kind === fieldKind.te) continue;
    isRepeated ||= joinsRepeated(fields, field);
    fields.push(field.name, value);
  }
  return isRepeated ? singleLines(fields) : fields;
}
