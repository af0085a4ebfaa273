import { checkOption } from "@pagoda/core";

/**
 * Media types that compress well: text in all its forms, and a few binary formats. Images, audio,
 * video and archives are compressed already, and so, if they want to be, are messages of gRPC-Web.
 *
 * Patterns instead of `mime-db`, a list of 200 KB with one entry for each registered type: the
 * suffixes also cover types that are not registered.
 */
export const compressibleTypes: readonly string[] = [
  "text/*",
  "*+json",
  "*+xml",
  "*+text",
  "application/graphql",
  "application/javascript",
  "application/json",
  "application/jsonl",
  "application/rtf",
  "application/sql",
  "application/toml",
  "application/vnd.ms-fontobject",
  "application/wasm",
  "application/x-javascript",
  "application/x-ndjson",
  "application/xml",
  "application/yaml",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
];

/** A media type, all of one kind (`text/*`), or all with one suffix (`*+json`). */
export const mediaTypePattern: RegExp = /^(?:[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)|\*\+[\w!#$&^.-]+)$/;

/**
 * Returns a function that matches the value of `Content-Type` against patterns: `text/html`,
 * `text/*` or `*+json`. Case and parameters do not matter.
 *
 * @param option Name of the option, for the error.
 * @throws RangeError if a pattern is invalid.
 */
export function mediaTypes(option: string, patterns: readonly string[]): (contentType: string) => boolean {
  const exact = new Set<string>();
  const beginnings: string[] = [];
  const endings: string[] = [];
  for (const [n, each] of patterns.entries()) {
    const isValid = typeof each === "string" && mediaTypePattern.test(each);
    checkOption(`${option}[${n}]`, each, isValid, "a media type such as text/html, text/* or *+json");
    const lower = each.toLowerCase();
    if (lower.startsWith("*")) endings.push(lower.slice(1));
    else if (lower.endsWith("*")) beginnings.push(lower.slice(0, -1));
    else exact.add(lower);
  }
  return (contentType) => {
    const semicolon = contentType.indexOf(";");
    const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
    return (
      exact.has(type) ||
      beginnings.some((beginning) => type.startsWith(beginning)) ||
      endings.some((ending) => type.endsWith(ending))
    );
  };
}
