import type { HttpHeaders } from "../../headers.ts";
import { checkField } from "../fields.ts";

/**
 * Composes the lines of a few fields, such as trailers.
 *
 * @param isSent Whether a field of this name is sent.
 * @throws TypeError for a field that cannot be sent.
 */
export function fieldLines(headers: HttpHeaders, isSent: (name: string) => boolean): string {
  let lines = "";
  for (const [name, value] of headers) {
    if (!isSent(name)) continue;
    checkField(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
