import { type HttpHeaders, sameName } from "@pagoda/http";
import { LinearRegex } from "@pagoda/linear-regex";
import type { FieldMatch } from "./route.ts";

/** A compiled field match. */
export interface FieldPredicate {
  readonly match: FieldMatch;
  /** @param value `undefined` if the field is absent. */
  accepts(value: string | undefined): boolean;
}

export function fieldPredicate(match: FieldMatch): FieldPredicate {
  return { match, accepts: acceptor(match) };
}

function acceptor(match: FieldMatch): FieldPredicate["accepts"] {
  if ("exact" in match) return (value) => value === match.exact;
  if ("contains" in match) return (value) => value?.includes(match.contains) === true;
  if ("present" in match) return (value) => value !== undefined;
  if ("absent" in match) return (value) => value === undefined;
  const pattern = new LinearRegex(match.regex);
  return (value) => value !== undefined && pattern.matches(value);
}

/** Returns the value of a header field. Repeated fields are joined with commas. */
export function headerValue({ raw }: HttpHeaders, name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    if (!sameName(raw[at] as string, name)) continue;
    value = value === undefined ? raw[at + 1] : `${value}, ${raw[at + 1]}`;
  }
  return value;
}

/** Returns the first value of a query parameter, decoded like forms (WHATWG URL, section 5.1). */
export function queryValue(query: string, name: string): string | undefined {
  for (let at = 1; at < query.length;) {
    const next = query.indexOf("&", at);
    const end = next === -1 ? query.length : next;
    const pair = query.slice(at, end);
    const equals = pair.indexOf("=");
    if (decoded(equals === -1 ? pair : pair.slice(0, equals)) === name)
      return equals === -1 ? "" : decoded(pair.slice(equals + 1));
    at = end + 1;
  }
  return undefined;
}

function decoded(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Invalid escapes or UTF-8: compared literally.
    return spaced;
  }
}
