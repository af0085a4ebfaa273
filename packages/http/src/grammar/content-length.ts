/** A number represents up to 15 digits exactly. */
const maxDigits = 15;

/** Parses the value of `Content-Length`; `undefined` if it is malformed (RFC 9110, 8.6). */
export function readContentLength(value: string): number | undefined {
  const { length } = value;
  if (length === 0 || length > maxDigits) return undefined;
  let result = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    result = 10 * result + digit;
  }
  return result;
}
