/** What messages say in place of a secret. */
export const notShown: string = "(not shown)";

/**
 * A URL, or a text with URLs in it, as messages and logs may show it: without user information, queries and fragments,
 * where people put passwords and tokens.
 *
 * @example bareUrl("https://ann:secret@a.example/b?key=1") // "https://(not shown)@a.example/b?(not shown)"
 */
export function bareUrl(text: string): string {
  return text
    .replaceAll(/\/\/[^\s,"]*@/g, `//${notShown}@`)
    .replaceAll(/[?#][^\s,"]*/g, (rest) => `${rest.slice(0, 1)}${notShown}`);
}
