/** A token of RFC 9110, 5.6.2, such as the name of a field or a method. */
const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}
