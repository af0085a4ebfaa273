/** A token (RFC 9110, 5.6.2), such as a field name or a method. */
const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}
