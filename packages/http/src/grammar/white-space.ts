/**
 * Space or tab (RFC 9110, 5.6.3). Unlike `trim`, keeps a bare line feed, which other parsers would
 * see.
 */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Returns the text from an index on, without surrounding whitespace. */
export function trimmed(text: string, from: number = 0): string {
  let end = text.length;
  while (from < end && isSpace(text.charCodeAt(from))) from++;
  while (from < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(from, end);
}

/**
 * Whether a value has leading or trailing whitespace: removed in HTTP/1.1, malformed in HTTP/2 (RFC
 * 9113, 8.2.1).
 */
export function hasOuterSpace(value: string): boolean {
  return isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1));
}
