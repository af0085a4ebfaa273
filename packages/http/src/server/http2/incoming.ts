import { constants, type ServerHttp2Stream } from "node:http2";
import { bodyBroken } from "../../body.ts";
import { hasOuterSpace } from "../../grammar/white-space.ts";
import type { HttpHeaders, RawHeaders } from "../../headers.ts";
import { StreamBody } from "../../stream-body.ts";
import type { ExchangeStream } from "./exchange-stream.ts";

/**
 * The body of a request. A client that waits for `100 Continue` gets it when the body is first
 * read.
 */
export class IncomingStream extends StreamBody {
  readonly #exchange: ExchangeStream;
  #awaitsContinue: boolean;

  constructor(exchange: ExchangeStream, length: number | undefined, awaitsContinue: boolean) {
    const stream: ServerHttp2Stream & { rawTrailers?: RawHeaders } = exchange.stream;
    stream.once("trailers", (_trailers, _flags, raw: RawHeaders) => {
      if (raw.some(hasOuterSpace)) stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      else stream.rawTrailers = raw;
    });
    super(stream, length);
    this.#exchange = exchange;
    this.#awaitsContinue = awaitsContinue;
  }

  protected override started(): void {
    const { stream } = this.#exchange;
    if (this.#awaitsContinue && !stream.headersSent && !stream.destroyed)
      stream.additionalHeaders({ ":status": 100 });
    this.#awaitsContinue = false;
    super.started();
  }

  protected override push(chunk: Uint8Array): boolean {
    this.#exchange.came(chunk.length);
    return super.push(chunk);
  }

  /** Distinguishes a reset from a complete body: Node ends the stream in the same way. */
  protected override finish(trailers?: HttpHeaders): void {
    const { stream } = this.#exchange;
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted) super.finish(trailers);
    else this.broken(bodyBroken(new Error("the client reset the stream")));
  }

  /**
   * Keeps the stream: destroying it would discard the response. It ends with the response: see
   * `response.ts`.
   */
  protected override discard(): void {
    const { stream } = this.#exchange;
    this.#exchange.isUnheard = true;
    if (!stream.writableFinished) return void stream.pause();
    stream.close(constants.NGHTTP2_NO_ERROR);
    // Node does not close the stream before everything has been read.
    stream.resume();
  }
}
