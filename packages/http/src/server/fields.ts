import { isFieldValue } from "../grammar/field-line.ts";
import { isToken } from "../grammar/token.ts";

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
