import { type Body, type BodyBroken, type BodyFlow, PushBody } from "@pagoda/http";

/** How a body begins. */
export type HeldBeginning =
  | { readonly kind: "whole" | "partial"; readonly chunks: readonly Uint8Array[] }
  /** It broke off. */
  | { readonly kind: "broken"; readonly fault: BodyBroken };

/**
 * A body that is read at once, up to a limit, and still passes on byte for byte: what has been read
 * is kept until there is a sink.
 */
export class HeldBody extends PushBody {
  readonly length: number | undefined;
  readonly #flow: BodyFlow;

  /**
   * @param maxBytes After them the source is paused, as soon as 64 KiB wait for the sink.
   * @param begun Called once: when the body has ended or exceeds the limit. Not called if it is
   * cancelled before.
   */
  constructor(source: Body, maxBytes: number, begun: (beginning: HeldBeginning) => void) {
    super();
    this.length = source.length;
    let chunks: Uint8Array[] | undefined = [];
    let size = 0;
    const settle = (kind: "whole" | "partial"): void => {
      if (chunks === undefined) return;
      const all = chunks;
      chunks = undefined;
      begun({ kind, chunks: all });
    };
    this.#flow = source.pipe({
      write: (chunk) => {
        const goOn = this.push(chunk);
        if (chunks === undefined) return goOn;
        chunks.push(chunk);
        size += chunk.length;
        if (size <= maxBytes) return this.open;
        settle("partial");
        return goOn;
      },
      end: (trailers) => {
        this.finish(trailers);
        settle("whole");
      },
      fail: (fault) => {
        this.broken(fault);
        if (chunks !== undefined) begun({ kind: "broken", fault });
      },
    });
  }

  protected goOn(): void {
    this.#flow.resume();
  }

  protected stop(reason: unknown): void {
    this.#flow.cancel(reason);
  }
}
