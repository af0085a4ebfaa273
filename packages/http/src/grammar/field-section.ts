import { charClasses, tokenChar, valueChar } from "./char-classes.ts";
import { type FieldLineFault, readFieldLine } from "./field-line.ts";

/**
 * Parses the fields of a head and appends their names and values to `fields` (RFC 9112, 5): the same
 * as `readFieldLine` for each line, but in one pass. About 100 ns a field.
 *
 * @param text From `from` to `end` it consists of lines, each with its CRLF, without the empty line
 * that follows them. Each character stands for a byte.
 * @returns The first fault; the fields before it have been appended.
 */
export function readFieldSection(
  fields: string[],
  text: string,
  from: number,
  end: number,
): FieldLineFault | undefined {
  let at = from;
  while (at < end) {
    let i = at;
    while (((charClasses[text.charCodeAt(i)] as number) & tokenChar) !== 0) i++;
    const colon = i;
    if (colon === at || text.charCodeAt(i) !== 0x3a) return faultAt(text, at);
    let code = text.charCodeAt(++i);
    while (code === 0x20 || code === 0x09) code = text.charCodeAt(++i);
    const start = i;
    while (((charClasses[code] as number) & valueChar) !== 0) code = text.charCodeAt(++i);
    if (code !== 0x0d || text.charCodeAt(i + 1) !== 0x0a) return faultAt(text, at);
    const next = i + 2;
    code = text.charCodeAt(i - 1);
    while (i > start && (code === 0x20 || code === 0x09)) code = text.charCodeAt(--i - 1);
    fields.push(text.slice(at, colon), text.slice(start, i));
    at = next;
  }
  return undefined;
}

/** What is wrong with the line that starts at an index. */
function faultAt(text: string, at: number): FieldLineFault | undefined {
  return readFieldLine([], text.slice(at, text.indexOf("\r\n", at)));
}
