import { type Body, type BodyBroken, type BodyFlow, type HttpHeaders, PushBody } from "@pagoda/http";

/** How a body begins: with a piece, with its end, or by breaking. */
export type Beginning =
  | { readonly kind: "piece" }
  | { readonly kind: "end"; readonly trailers: HttpHeaders }
  | { readonly kind: "broken" };

/**
 * A body whose beginning was looked at: reads its source from the start, and keeps what comes until somebody wants it, a
 * piece at least and no more than its source is asked for.
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

  /** How it began, once it has. */
  get beginning(): Beginning | undefined {
    return this.#beginning;
  }

  /** Tells when it has begun; for one that has not. */
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
