/** A number represents up to 15 digits exactly. */
const digits = /^\d{1,15}$/;

/** Parses the value of `Content-Length`; `undefined` if it is malformed (RFC 9110, 8.6). */
export function readContentLength(value: string): number | undefined {
  return digits.test(value) ? Number(value) : undefined;
}
