import { type RawHeaders, singleLines } from "@pagoda/http";

/** Fields with one value, which some origins reject when they are repeated. */
const singleValued: ReadonlySet<string> = new Set([
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

/**
 * Joins repeated lines if a field with one value is among them: an origin on `node:http2` sees only
 * the first of such lines, and others reject the request. Joined they mean the same (RFC 9110,
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
