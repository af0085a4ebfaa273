import type { Transform } from "node:stream";
import { type Body, type BodyBroken, bodyBroken, TransformBody } from "@pagoda/http";
import type { Codec } from "./coding.ts";

/** A body that is compressed while it is read. */
export class CompressedBody extends TransformBody {
  readonly #codec: Codec;
  readonly #level: number;
  readonly #isLive: boolean;

  /**
   * @param isLive Whether to output everything that has arrived whenever the source makes the
   * compressor wait.
   */
  constructor(source: Body, codec: Codec, level: number, isLive: boolean) {
    super(source);
    this.#codec = codec;
    this.#level = level;
    this.#isLive = isLive;
  }

  protected openStream(): Transform {
    return this.#codec.stream(this.#level);
  }

  protected override idle(stream: Transform): void {
    if (this.#isLive) (stream as ReturnType<Codec["stream"]>).flush(this.#codec.flush);
  }

  /** Compressing is not the upstream's fault. */
  protected override failed(cause: unknown): BodyBroken {
    return { ...bodyBroken(cause), origin: "local" };
  }
}
