/** Strings up to this length are written faster by a loop than by a call into the platform. */
const shortText = 24;

/**
 * Writes an integer behind the bits of a representation (RFC 7541, 5.1).
 *
 * @returns Where it ends.
 */
export function writeInteger(
  into: Uint8Array,
  at: number,
  bits: number,
  mask: number,
  value: number,
): number {
  if (value < mask) {
    into[at] = bits | value;
    return at + 1;
  }
  into[at++] = bits | mask;
  value -= mask;
  while (value >= 0x80) {
    into[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  into[at] = value;
  return at + 1;
}

/**
 * Writes a string without Huffman coding (RFC 7541, 5.2).
 *
 * @param text Each character stands for a byte.
 * @returns Where it ends.
 */
export function writeText(into: Buffer, at: number, text: string): number {
  const { length } = text;
  at = writeInteger(into, at, 0, 0x7f, length);
  if (length > shortText) return at + into.write(text, at, "latin1");
  for (let n = 0; n < length; n++) into[at + n] = text.charCodeAt(n);
  return at + length;
}
