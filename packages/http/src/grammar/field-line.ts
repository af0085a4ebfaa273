import { isToken } from "./token.ts";
import { trimmed } from "./white-space.ts";

/** Bytes beyond ASCII have no meaning, but are passed on (RFC 9110, 5.5). */
const fieldValue = /^[\t -~\u0080-\u00ff]*$/;

/** Whether a text can be the value of a field. Every character is a byte. */
export function isFieldValue(text: string): boolean {
  return fieldValue.test(text);
}

/** Why a line is not a field. RFC 9112, 2.2 allows a reader to end a line at a bare line feed; others do not. */
export type FieldLineFault = "bare-line-feed" | "field-name" | "field-value";

/**
 * Reads a line as a field, and appends its name and its value to `fields` (RFC 9112, 5). Folded lines and white space before
 * the colon are faults.
 *
 * @param line Without the end of the line; every character is a byte.
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
