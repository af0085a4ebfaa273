import { charClasses, tokenChar } from "./char-classes.ts";

/** Whether a text is a token (RFC 9110, 5.6.2), such as a field name or a method. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (((charClasses[text.charCodeAt(i)] as number) & tokenChar) === 0) return false;
  }
  return text !== "";
}
