/** Space and tab. `trim` also removes a bare line feed, which other readers see (RFC 9110, 5.6.3). */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** A text, from a place on, without the white space around it. */
export function trimmed(text: string, from: number = 0): string {
  let end = text.length;
  while (from < end && isSpace(text.charCodeAt(from))) from++;
  while (from < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(from, end);
}

/** Whether a value begins or ends with white space: HTTP/1.1 removes it, in HTTP/2 it is malformed (RFC 9113, 8.2.1). */
export function hasOuterSpace(value: string): boolean {
  return isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1));
}
