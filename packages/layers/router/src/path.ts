import { checkOneOf, type Fault, rangeError } from "@pagoda/core";

export interface PathOptions {
  /**
   * Form of the path that is matched and sent. Default `minimal`: routes and policies see the
   * normal form, and the origin gets the client's bytes with `.` and `..` resolved, so signed URLs
   * keep their bytes. `rfc3986`: the origin gets the normal form, too. `off`: both get the client's
   * bytes, including dot segments; excludes the other options.
   */
  readonly normalize?: "minimal" | "rfc3986" | "off";
  /** Replaces `//` by `/`, as many origins do. Default false: RFC 3986 treats them as different. */
  readonly mergeSlashes?: boolean;
  /** Handling of `%2f`. Default `keep`: it is a character inside a segment. */
  readonly escapedSlashes?: "keep" | "decode" | "refuse";
  /**
   * Handling of `\` and `%5c`. Default `refuse`: browsers never send `\`, and some origins read it
   * as `/`.
   */
  readonly backslashes?: "keep" | "slash" | "refuse";
}

/** Why a path is refused. */
export type PathRefusalReason =
  /** It does not start with `/`, and is not `*`. */
  | "relative"
  /** A `%` not followed by two hex digits. */
  | "malformed-percent"
  /** A `#`, at which some parsers stop. */
  | "fragment"
  /** `..` leads above the root. */
  | "above-root"
  /** `%2f` or `%2F`, if refused. */
  | "escaped-slash"
  /** `\`, `%5c` or `%5C`, if refused. */
  | "backslash";

/** The path is ambiguous: two parsers might read it differently. The request was not sent. */
export interface PathRefused extends Fault<"PathRefused"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly reason: PathRefusalReason;
}

export type FullPathOptions = Required<PathOptions>;

const choices = {
  normalize: ["minimal", "rfc3986", "off"],
  mergeSlashes: [false, true],
  escapedSlashes: ["keep", "decode", "refuse"],
  backslashes: ["refuse", "keep", "slash"],
} as const;

/** @throws RangeError if an option is invalid. */
export function fullPathOptions({
  normalize = "minimal",
  mergeSlashes = false,
  escapedSlashes = "keep",
  backslashes = normalize === "off" ? "keep" : "refuse",
}: PathOptions): FullPathOptions {
  const full = { normalize, mergeSlashes, escapedSlashes, backslashes };
  for (const [name, valid] of Object.entries(choices)) {
    checkOneOf(`router: ${name}`, full[name as keyof typeof full], valid);
  }
  if (normalize === "off" && (mergeSlashes || escapedSlashes !== "keep" || backslashes !== "keep"))
    throw rangeError(
      "router: normalize",
      'other than "off" with mergeSlashes, escapedSlashes or backslashes',
      normalize,
    );
  return full;
}

const [hash, percent, dot, slash, backslash] = [0x23, 0x25, 0x2e, 0x2f, 0x5c];

/**
 * Returns the normal form of a path, which is matched: `.` and `..` are resolved, unnecessary
 * escapes are decoded, and escapes are in upper case (RFC 3986, section 6.2.2). A plain path is
 * returned unchanged after one scan.
 */
export function normalPath(path: string, options: FullPathOptions): string | PathRefused {
  if (isPlain(path, options.mergeSlashes, 0) || path === "*") return path;
  if (path.charCodeAt(0) !== slash) return refusals.relative;
  if (options.normalize === "off") return path.includes("#") ? refusals.fragment : path;
  const decoded = withoutNeedlessEscapes(path, options);
  if (typeof decoded !== "string") return decoded;
  // Merged first, as origins that merge do: `..` then removes a named segment.
  return withoutDots(options.mergeSlashes ? decoded.replaceAll(/\/{2,}/g, "/") : decoded);
}

/**
 * Returns the path to send: the client's bytes, except for dot segments and what the options
 * replace. Its normal form stays the same.
 */
export function writtenPath(path: string, options: FullPathOptions): string {
  let written = path;
  if (options.escapedSlashes === "decode") written = written.replaceAll(/%2f/gi, "/");
  if (options.backslashes === "slash") written = written.replaceAll(/\\|%5c/gi, "/");
  if (options.mergeSlashes) written = written.replaceAll(/\/{2,}/g, "/");
  return withoutDots(written) as string;
}

/** Returns the offset in a written path that corresponds to offset `length` in its normal form. */
export function writtenAt(written: string, length: number): number {
  let at = 0;
  for (let known = 0; known < length; known++) {
    const escape = written.charCodeAt(at) === percent ? written.slice(at + 1, at + 3) : "";
    if (escape !== "" && unreserved.test(String.fromCharCode(Number.parseInt(escape, 16)))) at += 3;
    else at++;
  }
  return at;
}

/**
 * Whether a path is certainly in normal form. False also for segments that start with a dot, which
 * need a closer look.
 *
 * @param from Offset up to which the path is known to be plain.
 */
export function isPlain(path: string, mergeSlashes: boolean, from: number): boolean {
  if (path.charCodeAt(0) !== slash) return false;
  for (let at = from > 1 ? from : 1; at < path.length; at++) {
    const code = path.charCodeAt(at);
    // Fast path: most characters are letters, which have higher codes.
    if (code > backslash) continue;
    if (code === percent || code === backslash || code === hash) return false;
    if (code === dot || (code === slash && mergeSlashes)) {
      if (path.charCodeAt(at - 1) === slash) return false;
    }
  }
  return true;
}

/** Unreserved characters (RFC 3986, section 2.3). */
const unreserved = /[\w.~-]/;
const oneDot = /^(?:\.|%2e)$/i;
const twoDots = /^(?:\.|%2e){2}$/i;

function withoutNeedlessEscapes(path: string, options: FullPathOptions): string | PathRefused {
  let decoded = "";
  let copied = 0;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === hash) return refusals.fragment;
    if (code !== percent && code !== backslash) continue;
    const end = code === percent ? at + 3 : at + 1;
    const written = path.slice(at, end);
    if (code === percent && !/^%[0-9A-Fa-f]{2}$/.test(written)) return refusals["malformed-percent"];
    const form = formOf(written, options);
    if (typeof form !== "string") return form;
    decoded += path.slice(copied, at) + form;
    copied = end;
    at = end - 1;
  }
  return decoded + path.slice(copied);
}

/** Returns the normal form of an escape or a backslash. */
function formOf(written: string, { escapedSlashes, backslashes }: FullPathOptions): string | PathRefused {
  const escaped = written.toUpperCase();
  if (escaped === "%2F") {
    if (escapedSlashes === "refuse") return refusals["escaped-slash"];
    return escapedSlashes === "decode" ? "/" : escaped;
  }
  if (escaped === "%5C" || escaped === "\\") {
    if (backslashes === "refuse") return refusals.backslash;
    return backslashes === "slash" ? "/" : escaped;
  }
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
  return unreserved.test(character) ? character : escaped;
}

function withoutDots(path: string): string | PathRefused {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (twoDots.test(segment)) {
      // The empty segment before the first slash stays.
      if (kept.length === 1) return refusals["above-root"];
      kept.pop();
    } else if (!oneDot.test(segment)) kept.push(segment);
  }
  const end = segments.at(-1) as string;
  if (oneDot.test(end) || twoDots.test(end)) kept.push("");
  return kept.join("/");
}

function refusal(reason: PathRefusalReason): PathRefused {
  return { _tag: "PathRefused", origin: "local", retryable: false, reason };
}

const refusals: Readonly<Record<PathRefusalReason, PathRefused>> = {
  relative: refusal("relative"),
  "malformed-percent": refusal("malformed-percent"),
  fragment: refusal("fragment"),
  "above-root": refusal("above-root"),
  "escaped-slash": refusal("escaped-slash"),
  backslash: refusal("backslash"),
};
