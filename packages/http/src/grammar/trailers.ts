import { HttpHeaders, type RawHeaders } from "../headers.ts";

/** Maximum number of trailers; with more, the body breaks off. */
export const maxTrailers = 100;
export const maxTrailerBytes = 61_440;

/**
 * Fields that must not be trailers, because all decisions were made on the head (RFC 9110, 6.5.1).
 * `ETag` and `Authentication-Info` may be (8.8.3 and 11.6.3).
 */
const ofHeads: ReadonlySet<string> = new Set([
  // Framing and connection.
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Routing.
  "host",
  "forwarded",
  "via",
  "x-client-ip",
  "x-real-ip",
  "x-request-id",
  "true-client-ip",
  // Request modifiers; conditions begin with `if-`.
  "expect",
  "max-forwards",
  "pragma",
  "range",
  // Authentication.
  "authorization",
  "cookie",
  "set-cookie",
  "www-authenticate",
  // Response control.
  "age",
  "cache-control",
  "date",
  "expires",
  "location",
  "retry-after",
  "vary",
  "warning",
  // Interpretation of the body.
  "content-encoding",
  "content-range",
  "content-type",
]);

const beginnings = ["if-", "proxy-", "x-forwarded-"] as const;

/** Whether a field, named in lower case, is only allowed in the head. */
function isOfHeads(name: string): boolean {
  return ofHeads.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}

/**
 * Whether a field may be a trailer: it does not frame, route, authenticate or modify the message,
 * or identify its sender. Underscores in names count as hyphens, as in `isDisguised`.
 */
export function mayTrail(name: string): boolean {
  return !isOfHeads(name.toLowerCase().replaceAll("_", "-"));
}

/**
 * Whether a name with underscores looks like one of those fields to an origin that treats `_` and
 * `-` alike, as CGI and its successors do: `X_Forwarded_For` would slip past a check of
 * `X-Forwarded-For`. nginx drops every name with an underscore. Here all others pass, because some
 * applications use them.
 */
export function isDisguised(name: string): boolean {
  return name.includes("_") && isOfHeads(name.toLowerCase().replaceAll("_", "-"));
}

/** Returns the fields that may be trailers; `undefined` if there are too many. */
export function trailersOf(raw: RawHeaders): HttpHeaders | undefined {
  if (raw.length === 0) return HttpHeaders.empty;
  if (raw.length > 2 * maxTrailers) return undefined;
  const fields: string[] = [];
  let bytes = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    bytes += name.length + value.length;
    if (mayTrail(name)) fields.push(name, value);
  }
  if (bytes > maxTrailerBytes) return undefined;
  return fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields);
}

const trailersMember = /(?:^|,)\s*trailers\s*(?:$|[,;])/i;

/** Whether a value of `TE` accepts trailers (RFC 9110, 10.1.4). */
export function acceptsTrailers(te: string): boolean {
  return trailersMember.test(te);
}
