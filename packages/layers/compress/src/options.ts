import { checkInteger, checkOption } from "@pagoda/core";
import { type Codec, codecs, type Coding } from "./coding.ts";
import { compressibleTypes } from "./compressible-types.ts";

/** Options of {@link compress}. */
export interface CompressOptions {
  /**
   * Codings to use, in order of preference among those the client accepts equally. Default: `zstd`
   * (from Node 22.15 on), `br`, `gzip`.
   */
  readonly codings?: readonly Coding[];
  /**
   * Compression levels: `zstd` 1 to 22, default 3; `br` 0 to 11, default 4; `gzip` 1 to 9, default 4.
   * Higher ones need more CPU, and for `zstd` and `br` more memory.
   */
  readonly levels?: { readonly [C in Coding]?: number };
  /** Minimum size of a body, if known, in bytes: an integer of at least 0. Default 1,024. */
  readonly minBytes?: number;
  /**
   * Media types to compress: `text/html`, `text/*` or `*+json`. Default: {@link compressibleTypes}.
   */
  readonly types?: readonly string[];
  /**
   * Whether to compress responses to cross-site requests with credentials, too. Allow it only if no
   * response contains both a secret and input of the request (BREACH). Default false.
   */
  readonly crossSite?: boolean;
}

/** Options with defaults applied. */
export interface Settings extends Required<CompressOptions> {
  readonly levels: Readonly<Record<Coding, number>>;
  readonly codecs: Readonly<Partial<Record<Coding, Codec>>>;
}

/** The codings that this Node has, in the default order of preference. */
export const supportedCodings: readonly Coding[] = Object.keys(codecs) as readonly Coding[];

/** @throws RangeError if an option is invalid. */
export function checked({
  codings = supportedCodings,
  levels = {},
  minBytes = 1_024,
  types = compressibleTypes,
  crossSite = false,
}: CompressOptions): Settings {
  checkOption("compress: codings", codings, codings.length > 0, "a list with at least one coding");
  for (const [n, coding] of codings.entries()) {
    const isNew = supportedCodings.includes(coding) && codings.indexOf(coding) === n;
    checkOption(`compress: codings[${n}]`, coding, isNew, `one of ${supportedCodings.join(", ")}, once`);
  }
  for (const [coding, level] of Object.entries(levels) as [Coding, number][]) {
    const codec = codecs[coding];
    if (codec !== undefined) checkInteger(`compress: levels.${coding}`, level, codec.levels);
  }
  checkInteger("compress: minBytes", minBytes, { min: 0 });
  const { zstd, br, gzip } = codecs;
  const standard = {
    zstd: zstd?.levels.standard ?? 0,
    br: br?.levels.standard ?? 0,
    gzip: gzip?.levels.standard ?? 0,
  };
  return { codings, levels: { ...standard, ...levels }, minBytes, types, crossSite, codecs };
}
