/** In {@link charClasses}: a character of a token (RFC 9110, 5.6.2). */
export const tokenChar = 1;
/**
 * In {@link charClasses}: a character of a field value. Bytes beyond ASCII are opaque, but passed on
 * (RFC 9110, 5.5).
 */
export const valueChar = 2;
/** In {@link charClasses}: a character of a request target, between the two spaces of its line. */
export const targetChar = 4;

/**
 * Classes of the characters 0 to 255, as bits. Up to about 16 characters a loop over this table is
 * faster than a regular expression.
 */
export const charClasses: Uint8Array = new Uint8Array(256);

for (let code = 0x21; code < 256; code++) if (code !== 0x7f) charClasses[code] = valueChar | targetChar;
charClasses[0x09] = valueChar;
charClasses[0x20] = valueChar;
const tokenChars = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
for (let i = 0; i < tokenChars.length; i++) {
  charClasses[tokenChars.charCodeAt(i)] = tokenChar | valueChar | targetChar;
}
