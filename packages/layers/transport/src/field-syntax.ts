import { type HttpHeaders, mayTrail } from "@pagoda/http";

/** Field names and methods (RFC 9110, section 5.6.2). */
export const token: RegExp = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** Field values. Non-ASCII bytes are opaque but passed on (RFC 9110, section 5.5). */
export const fieldValue: RegExp = /^[\t -~\u0080-\u00ff]*$/;
/** Request targets. */
export const target: RegExp = /^[!-~\u0080-\u00ff]+$/;

/** Whether a field frames the message. Such a field is not allowed in trailers. */
export function isFraming(name: string): boolean {
  if (name.length !== 14 && name.length !== 17) return false;
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "transfer-encoding";
}

/** Filters out invalid trailers, since the rest of the request has already been sent. */
export function sendableTrailers(trailers: HttpHeaders): readonly (readonly [name: string, value: string])[] {
  return [...trailers].filter(
    ([name, value]) => token.test(name) && fieldValue.test(value) && mayTrail(name),
  );
}
