/** Replaces a secret in messages. */
export const notShown: string = "(not shown)";

/** Text in the place of a port that is not a port: a password whose `@` was forgotten. */
const notPort =
  /(\bhttps?:\/*[^\s,"/:@[\]]+|\bhttps?:\/*\[[\dA-Fa-f:.]*\]):(?!\d*(?:[\s,"/?#]|$))[^\s,"/?#@]*/gi;

/**
 * Redacts a URL, or all URLs in a text, for messages and logs: user information, queries and
 * fragments are removed, because people put passwords and tokens there. Text without a `/`, `.` or
 * `:` before its `?` or `#` is not a URL and is returned unchanged.
 *
 * @example redactUrl("https://ann:secret@a.example/b?key=1") // "https://(not shown)@a.example/b?(not shown)"
 */
export function redactUrl(text: string): string {
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
