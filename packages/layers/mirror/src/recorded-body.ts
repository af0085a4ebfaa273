import { Body, type BodyFlow, type BodySink, HttpHeaders, noFlow } from "@pagoda/http";

/** A completely recorded body with its trailers. It can be read any number of times. */
export class RecordedBody extends Body {
  readonly #bytes: Uint8Array;
  readonly #trailers: HttpHeaders;

  constructor(bytes: Uint8Array, trailers: HttpHeaders = HttpHeaders.empty) {
    super();
    this.#bytes = bytes;
    this.#trailers = trailers;
  }

  /** `undefined` if there are trailers, since HTTP/1.1 allows them in chunked bodies only. */
  get length(): number | undefined {
    return this.#trailers.size > 0 ? undefined : this.#bytes.length;
  }

  pipe(sink: BodySink): BodyFlow {
    if (this.#bytes.length > 0) sink.write(this.#bytes);
    this.ended(true, this.#trailers);
    sink.end(this.#trailers);
    return noFlow;
  }

  cancel(): void {
    this.ended(false);
  }

  override take(): Uint8Array | undefined {
    if (this.#trailers.size > 0) return undefined;
    this.ended(true);
    return this.#bytes;
  }
}
