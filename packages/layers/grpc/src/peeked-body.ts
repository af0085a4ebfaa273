import { type Body, type BodyBroken, type BodyFlow, type HttpHeaders, PushBody } from "@pagoda/http";

/** How a body starts: with data, with its end, or by breaking. */
export type Beginning =
  | { readonly kind: "piece" }
  | { readonly kind: "end"; readonly trailers: HttpHeaders }
  | { readonly kind: "broken" };

/**
 * A body whose start can be inspected. It reads its source at once and buffers the data until it is
 * read: at least one chunk, and no more than the source sends before it is paused.
 */
export class PeekedBody extends PushBody {
  readonly length: number | undefined;
  readonly #flow: BodyFlow;
  #beginning: Beginning | undefined;
  #began: (() => void) | undefined;

  constructor(source: Body) {
    super();
    this.length = source.length;
    this.#flow = source.pipe({
      write: (chunk) => {
        const goOn = this.push(chunk);
        if (chunk.length > 0) this.#begin({ kind: "piece" });
        return goOn;
      },
      end: (trailers) => {
        this.finish(trailers);
        this.#begin({ kind: "end", trailers });
      },
      fail: (fault: BodyBroken) => {
        this.broken(fault);
        this.#begin({ kind: "broken" });
      },
    });
  }

  /** How it started; `undefined` until then. */
  get beginning(): Beginning | undefined {
    return this.#beginning;
  }

  /** Sets a callback for the start of a body that has not started yet. */
  onBegin(began: (() => void) | undefined): void {
    this.#began = began;
  }

  protected goOn(): void {
    this.#flow.resume();
  }

  protected stop(reason: unknown): void {
    this.#flow.cancel(reason);
  }

  #begin(beginning: Beginning): void {
    if (this.#beginning !== undefined) return;
    this.#beginning = beginning;
    this.#began?.();
  }
}
