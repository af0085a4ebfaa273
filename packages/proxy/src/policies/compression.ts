import { compress, type CompressOptions, mediaTypePattern, supportedCodings } from "@pagoda/compress";
import { mustBe } from "@pagoda/core";
import { defined } from "../schema/defined.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { definePolicy } from "./policy.ts";

const settings = ({ fields, some, word, size, text, flag, whole }: Vocabulary) => {
  const type = text.regex(mediaTypePattern, {
    error: "must be a media type such as text/html, text/* or *+json",
  });
  return fields({
    codings: some(word(["zstd", "br", "gzip"]))
      .optional()
      .describe("Codings to use, by preference. Default: all, in this order."),
    levels: fields({
      zstd: whole(1, 22).optional().describe("Default: 3."),
      br: whole(0, 11).optional().describe("Default: 4."),
      gzip: whole(1, 9).optional().describe("Default: 4."),
    })
      .optional()
      .describe("Compression levels; higher ones need more CPU and memory."),
    minSize: size.optional().describe("Minimum size of a body, if known. Default: 1KiB."),
    types: some(type)
      .optional()
      .describe(
        "Media types to compress: `text/html`, `text/*` or `*+json`. Default: text and similar types.",
      ),
    crossSite: flag
      .optional()
      .describe(
        "Also compress responses to cross-site requests with credentials; allow it only if no response contains both a secret and input of the request (BREACH). Default: false.",
      ),
  });
};

/** Compresses responses. Outermost: everything further in sees the content. */
export const compression = definePolicy({
  name: "compression",
  at: ["listener", "route"],
  notSimulated: () => "responses have no body",
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Compresses responses of origins that do not do so themselves. Streams are flushed whenever the origin pauses. Responses of the proxy itself are not compressed.",
      ),
  check({ codings = [] }, { path, report }) {
    for (const [n, coding] of codings.entries()) {
      if (supportedCodings.includes(coding) && codings.indexOf(coding) === n) continue;
      report(
        [...path, "codings", n],
        mustBe("", `one of ${supportedCodings.join(", ")}, once`, coding).trim(),
      );
    }
  },
  layer: ({ minSize, ...rest }) =>
    compress(
      defined({ ...rest, levels: rest.levels && defined(rest.levels), minBytes: minSize }) as CompressOptions,
    ),
  answers: {},
});
