import { type HttpHeaders, mayTrail } from "@pagoda/http";

/** Names of fields and methods (RFC 9110, 5.6.2). */
export const token: RegExp = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** Values of fields; bytes beyond ASCII mean nothing to anybody, but are passed on (RFC 9110, 5.5). */
export const fieldValue: RegExp = /^[\t -~\u0080-\u00ff]*$/;
/** What may stand between the two spaces of a request line. */
export const target: RegExp = /^[!-~\u0080-\u00ff]+$/;

/** Whether a field delimits a message: such a one is no trailer. */
export function isFraming(name: string): boolean {
  if (name.length !== 14 && name.length !== 17) return false;
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "transfer-encoding";
}

/** The trailers of a request that are proper fields and may be trailers: the rest of the request has been sent. */
export function sendableTrailers(trailers: HttpHeaders): readonly (readonly [name: string, value: string])[] {
  return [...trailers].filter(
    ([name, value]) => token.test(name) && fieldValue.test(value) && mayTrail(name),
  );
}
