import { isFieldValue } from "../grammar/field-line.ts";
import { isToken } from "../grammar/token.ts";
import type { RawHeaders } from "../headers.ts";

/**
 * Checks a field that Node passes on unseen.
 *
 * @throws TypeError for what would be read as something else on the other side, or refused with the whole connection.
 */
export function checkField(name: string, value: string): void {
  if (!isToken(name)) throw new TypeError(`the response has a field named "${name}"`);
  if (!isFieldValue(value)) throw new TypeError(`the response's field ${name} has a character that is none`);
}

/** The first value of a field. */
export function fieldOf(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const each = raw[i] as string;
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}
