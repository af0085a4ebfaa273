import type { RawHeaders } from "./headers.ts";

/** Fields with one value, in lower case, which some recipients reject when they are repeated. */
export const singleValued: ReadonlySet<string> = new Set([
  "access-control-allow-credentials",
  "access-control-max-age",
  "access-control-request-method",
  "age",
  "authorization",
  "content-encoding",
  "content-language",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "dnt",
  "etag",
  "expires",
  "from",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "range",
  "referer",
  "retry-after",
  "tk",
  "upgrade-insecure-requests",
  "user-agent",
  "x-content-type-options",
]);

/** Fields that must not be joined into one line (RFC 6265, 3; RFC 9113, 8.2.3). */
const apart: ReadonlySet<string> = new Set(["cookie", "set-cookie"]);

/**
 * Joins repeated lines if a field with one value is among them: a recipient on `node:http2` sees
 * only the first of such lines, and others reject the message. Joined they mean the same (RFC 9110,
 * 5.3).
 *
 * @param fields Alternating names in lower case and values.
 */
export function withSingleLines(fields: RawHeaders): RawHeaders {
  for (let at = 2; at < fields.length; at += 2) {
    const name = fields[at] as string;
    if (!singleValued.has(name)) continue;
    for (let before = at - 2; before >= 0; before -= 2)
      if (fields[before] === name) return singleLines(fields);
  }
  return fields;
}

/** Joins the values of repeated fields, apart from cookies, into one line for each name. */
export function singleLines(fields: RawHeaders): string[] {
  const lines: string[] = [];
  const places = new Map<string, number>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const place = places.get(name);
    if (place !== undefined && !apart.has(name)) {
      lines[place] += `, ${value}`;
      continue;
    }
    lines.push(name, value);
    places.set(name, lines.length - 1);
  }
  return lines;
}
