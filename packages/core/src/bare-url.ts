/** What messages say in place of a secret. */
export const notShown: string = "(not shown)";

/** What stands where a port would and is none: a password, whose `@` has been forgotten. */
const notPort =
  /(\bhttps?:\/*[^\s,"/:@[\]]+|\bhttps?:\/*\[[\dA-Fa-f:.]*\]):(?!\d*(?:[\s,"/?#]|$))[^\s,"/?#@]*/gi;

/**
 * A URL, or a text with URLs in it, as messages and logs may show it: without user information, queries and fragments,
 * where people put passwords and tokens. What has neither a `/` nor a `.` nor a `:` before its `?` or `#` is no URL, and is
 * shown as it is.
 *
 * @example bareUrl("https://ann:secret@a.example/b?key=1") // "https://(not shown)@a.example/b?(not shown)"
 */
export function bareUrl(text: string): string {
  const begin = text.search(/[/.:]/);
  if (begin === -1) return text;
  const bare = text
    .replaceAll(/(\bhttps?:\/*|\/\/)[^\s,"]*@/gi, `$1${notShown}@`)
    .replaceAll(notPort, `$1:${notShown}`);
  // Nothing before `begin` has been replaced.
  return bare.replaceAll(/[?#][^\s,"]*/g, (rest: string, at: number) =>
    at < begin ? rest : `${rest.slice(0, 1)}${notShown}`,
  );
}
