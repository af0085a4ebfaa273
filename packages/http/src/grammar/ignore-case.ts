/**
 * Whether a text contains another one at an index, ignoring the case of ASCII letters. Allocates
 * nothing.
 *
 * @param lower The other text, in lower case.
 */
export function hasAt(text: string, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    let code = text.charCodeAt(at + i);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Whether a field name, a method or another ASCII text is a given one, ignoring case.
 *
 * @param lower The given one, in lower case.
 */
export function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && hasAt(name, 0, lower);
}
