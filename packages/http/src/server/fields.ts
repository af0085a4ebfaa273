import { isFieldValue } from "../grammar/field-line.ts";
import { isToken } from "../grammar/token.ts";
import type { RawHeaders } from "../headers.ts";

/**
 * Checks a field of a response.
 *
 * @throws TypeError for a field that the other side would read differently, or refuse together with
 * the whole connection.
 */
export function checkField(name: string, value: string): void {
  if (!isToken(name)) throw unsendable(name, "field-name");
  if (!isFieldValue(value)) throw unsendable(name, "field-value");
}

/** The error for a field of a response that cannot be sent. */
export function unsendable(name: string, fault: "field-name" | "field-value"): TypeError {
  return new TypeError(
    fault === "field-name"
      ? `response field name ${JSON.stringify(name)} is invalid`
      : `response field ${name} contains an invalid character`,
  );
}

/** @throws TypeError for a reason phrase that cannot be sent. */
export function checkReason(phrase: string): void {
  if (!isFieldValue(phrase)) throw new TypeError("response reason phrase contains an invalid character");
}

/** Returns the first value of a field. */
export function fieldOf(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const each = raw[i] as string;
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}
