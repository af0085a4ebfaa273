import { Body, type BodyFlow, type BodySink, HttpHeaders, noFlow } from "@pagoda/http";

/** A body that was recorded as a whole, with the trailers that came after it. It can be read as often as one likes. */
export class RecordedBody extends Body {
  readonly #bytes: Uint8Array;
  readonly #trailers: HttpHeaders;

  constructor(bytes: Uint8Array, trailers: HttpHeaders = HttpHeaders.empty) {
    super();
    this.#bytes = bytes;
    this.#trailers = trailers;
  }

  /** With trailers it is not told: HTTP/1.1 has room for them only where a body comes in chunks. */
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
