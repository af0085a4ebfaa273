/** More digits would exceed what a number counts exactly. */
const digits = /^\d{1,15}$/;

/** The value of `Content-Length` in bytes; `undefined` where it is malformed (RFC 9110, 8.6). */
export function readContentLength(value: string): number | undefined {
  return digits.test(value) ? Number(value) : undefined;
}
