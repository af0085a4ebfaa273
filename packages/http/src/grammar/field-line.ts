import { charClasses, valueChar } from "./char-classes.ts";
import { isToken } from "./token.ts";
import { trimmed } from "./white-space.ts";

/** The same characters as `valueChar`; faster for a long text. */
const fieldValue = /^[\t -~\u0080-\u00ff]*$/;

/** Whether a text is a valid field value. Each character stands for a byte. */
export function isFieldValue(text: string): boolean {
  const { length } = text;
  if (length > 16) return fieldValue.test(text);
  for (let i = 0; i < length; i++) {
    if (((charClasses[text.charCodeAt(i)] as number) & valueChar) === 0) return false;
  }
  return true;
}

/**
 * Why a line is not a field. RFC 9112, 2.2 allows parsers to end a line at a bare line feed; not
 * all do.
 */
export type FieldLineFault = "bare-line-feed" | "field-name" | "field-value";

/**
 * Parses a line as a field and appends its name and value to `fields` (RFC 9112, 5). Folded lines
 * and whitespace before the colon are faults.
 *
 * @param line Line without its terminator. Each character stands for a byte.
 */
export function readFieldLine(fields: string[], line: string): FieldLineFault | undefined {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (colon < 1 || !isToken(name)) return line.includes("\n") ? "bare-line-feed" : "field-name";
  const value = trimmed(line, colon + 1);
  if (!isFieldValue(value)) return value.includes("\n") ? "bare-line-feed" : "field-value";
  fields.push(name, value);
  return undefined;
}
