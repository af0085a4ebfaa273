/** C0 with the line ends, DEL and C1, and the two other line ends of Unicode. */
const control = /[\p{Cc}\u2028\u2029]/u;
const controls = new RegExp(control, "gu");

/**
 * A text in which nothing controls a terminal or ends a line: such characters stand as `\u001b`. JSON would escape some
 * of them, but whoever prints the text that was parsed has them again; and C1, which fields may have, JSON lets pass.
 */
export function clean(text: string): string {
  return control.test(text) ? text.replace(controls, escaped) : text;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
