import type { Transform } from "node:stream";
import type { Fault } from "@pagoda/core";
import { type Body, type BodyBroken, TransformBody } from "@pagoda/http";
import { type Coding, type Decoder, decoderOf } from "./coding.ts";
import { brokenBy } from "./faults.ts";
import type { DecompressOptions } from "./options.ts";

/** Up to this size, no ratio is too high. */
const unratedBytes = 1_048_576;

/** What the codings of one body share. */
interface Arrived {
  bytes: number;
}

/**
 * Returns a body without its codings.
 *
 * @param codings In the order in which they were applied.
 * @param origin Origin of the fault if the body cannot be decoded.
 */
export function decoded(
  body: Body,
  codings: readonly Coding[],
  limits: Required<DecompressOptions>,
  origin: Fault["origin"],
): Body {
  const arrived: Arrived = { bytes: 0 };
  return codings.reduceRight<Body>(
    (source, coding) => new DecodedBody(source, coding, limits, origin, arrived, source === body),
    body,
  );
}

/** A body that is decompressed while it is read. */
class DecodedBody extends TransformBody {
  readonly #coding: Coding;
  readonly #limits: Required<DecompressOptions>;
  readonly #origin: Fault["origin"];
  readonly #arrived: Arrived;
  readonly #isFirst: boolean;
  #decoder: Decoder | undefined;
  /** Bytes that earlier decompressors have taken. */
  #takenBefore = 0;
  #given = 0;

  constructor(
    source: Body,
    coding: Coding,
    limits: Required<DecompressOptions>,
    origin: Fault["origin"],
    arrived: Arrived,
    isFirst: boolean,
  ) {
    super(source);
    this.#coding = coding;
    this.#limits = limits;
    this.#origin = origin;
    this.#arrived = arrived;
    this.#isFirst = isFirst;
  }

  /** Some servers name a coding although there is no content. */
  protected openStream(first: Uint8Array): Transform | undefined {
    if (first.length === 0) return undefined;
    this.#takenBefore += this.#decoder?.bytesWritten ?? 0;
    this.#decoder = decoderOf(this.#coding, first);
    return this.#decoder;
  }

  /**
   * A further frame of zstd is content (RFC 8878, 3). What follows the end of `br` or `deflate` is
   * ignored, as in browsers.
   */
  protected override restOf(chunk: Uint8Array, offset: number): Uint8Array | undefined {
    if (this.#coding !== "zstd") return undefined;
    return chunk.subarray((this.#decoder as Decoder).bytesWritten - offset);
  }

  protected override given(bytes: number): BodyBroken | undefined {
    if (this.#isFirst) this.#arrived.bytes = this.#takenBefore + (this.#decoder as Decoder).bytesWritten;
    this.#given += bytes;
    const { maxBytes, maxRatio } = this.#limits;
    const isLong = this.#given > maxBytes;
    const isBomb = this.#given > unratedBytes && this.#given > maxRatio * this.#arrived.bytes;
    if (!isLong && !isBomb) return undefined;
    const limit = isLong ? "maxBytes" : "maxRatio";
    const origin = this.#origin;
    return brokenBy({ _tag: "DecompressedTooLarge", origin, retryable: false, limit, maxBytes, maxRatio });
  }

  protected override failed(cause: unknown): BodyBroken {
    const coding = this.#coding;
    return brokenBy({ _tag: "Undecodable", origin: this.#origin, retryable: false, coding, cause });
  }
}
