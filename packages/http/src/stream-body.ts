import { Readable } from "node:stream";
import { type Body, bodyBroken, bodyOf } from "./body.ts";
import { trailersOf } from "./grammar/trailers.ts";
import { HttpHeaders, type RawHeaders } from "./headers.ts";
import { PushBody } from "./push-body.ts";

/** A Node stream that may carry trailers, as `IncomingMessage` does. What may not be a trailer is left out. */
export type ReadableWithTrailers = Readable & {
  readonly rawTrailers?: RawHeaders;
  readonly complete?: boolean;
};

/** A body out of a Node stream. The stream is not touched before the body is first wanted. */
export class StreamBody extends PushBody {
  readonly length: number | undefined;
  readonly #stream: ReadableWithTrailers;
  #piped = false;

  constructor(stream: ReadableWithTrailers, length?: number) {
    super();
    this.#stream = stream;
    this.length = length;
  }

  protected override started(): void {
    this.#piped = true;
    const stream = this.#stream;
    stream
      .on("data", this.#onData)
      .on("end", this.#onEnd)
      .on("close", this.#onClose)
      .on("error", this.#onError);
    if (stream.readableEnded) this.#onEnd();
    else if (stream.destroyed) this.#onClose();
    // Somebody had paused it: listening alone would not make it flow.
    else if (stream.isPaused()) stream.resume();
  }

  protected goOn(): void {
    this.#stream.resume();
  }

  protected stop(reason: unknown): void {
    if (this.#piped) this.#unlisten();
    else this.#stream.on("error", this.#onError);
    this.discard(reason);
  }

  /** What becomes of a stream that nobody reads to its end. A server that must still answer overrides this. */
  protected discard(_reason: unknown): void {
    this.#stream.destroy();
  }

  /** The body is complete, and what follows it is more than anybody takes. */
  protected tooManyTrailers(): void {
    this.broken(bodyBroken(new Error("there are too many trailers")));
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    if (!this.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk)) this.#stream.pause();
  };

  readonly #onEnd = (): void => {
    this.#unlisten();
    const { rawTrailers } = this.#stream;
    const trailers = rawTrailers === undefined ? HttpHeaders.empty : trailersOf(rawTrailers);
    if (trailers === undefined) this.tooManyTrailers();
    else this.finish(trailers);
  };

  readonly #onClose = (): void => {
    this.#unlisten();
    this.broken(bodyBroken(this.#stream.errored ?? new Error("the stream was closed before its end")));
  };

  /** Stays when the others go: a stream that is being destroyed may still fail, and nobody else would listen. */
  readonly #onError = (error: unknown): void => {
    this.broken(bodyBroken(error));
  };

  #unlisten(): void {
    this.#stream.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
  }
}

/** A body from whatever gives bytes or texts in pieces: an async iterable, a web stream, a Node stream. */
export function bodyFrom(
  source: string | Uint8Array | Readable | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): Body {
  if (typeof source === "string" || source instanceof Uint8Array) return bodyOf(source);
  if (!(source instanceof Readable)) return new StreamBody(Readable.from(source, { objectMode: false }));
  // A stream may fail before anyone wants it; who reads it then is told by `errored`.
  return new StreamBody(source.on("error", () => {}));
}
