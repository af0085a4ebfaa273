/** C0 (with CR and LF), DEL, C1, and Unicode's line and paragraph separators. */
const control = /[\p{Cc}\u2028\u2029]/u;
const controls = new RegExp(control, "gu");

/**
 * Escapes control characters and line ends as `\u001b`, in the string itself. JSON's own escapes
 * would not do: they disappear when a line is parsed, and do not cover C1, which header fields may
 * contain.
 */
export function escapeControls(text: string): string {
  return control.test(text) ? text.replace(controls, escaped) : text;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
