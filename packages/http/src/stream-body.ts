import type { Readable } from "node:stream";
import { bodyBroken } from "./body.ts";
import { utf8Bytes } from "./bytes.ts";
import { trailersOf } from "./grammar/trailers.ts";
import { HttpHeaders, type RawHeaders } from "./headers.ts";
import { PushBody } from "./push-body.ts";

/**
 * A Node stream that may carry trailers, as `IncomingMessage` does. Fields that must not be
 * trailers are dropped.
 */
export type ReadableWithTrailers = Readable & {
  readonly rawTrailers?: RawHeaders;
  readonly complete?: boolean;
};

/** A body made from a Node stream. The stream is not touched before the body is first read. */
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
    // The stream was paused explicitly, so a listener alone would not make it flow.
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

  /**
   * Discards a stream that is not read to its end. Overridden by servers, which must still answer.
   */
  protected discard(_reason: unknown): void {
    this.#stream.destroy();
  }

  /** The body is complete, but its trailers exceed the limit. */
  protected tooManyTrailers(): void {
    this.broken(bodyBroken(new Error("too many trailers")));
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    if (!this.push(typeof chunk === "string" ? utf8Bytes(chunk) : chunk)) this.#stream.pause();
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

  /**
   * Stays attached: a stream that is being destroyed may still fail, and its error would be
   * unhandled.
   */
  readonly #onError = (error: unknown): void => {
    this.broken(bodyBroken(error));
  };

  #unlisten(): void {
    this.#stream.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
  }
}
