import { STATUS_CODES } from "node:http";
import type { HttpHeaders } from "../../headers.ts";
import { checkField } from "../fields.ts";

/** Fields of a body, which a 1xx response does not have (RFC 9110, 8.6, and RFC 9112, 6.1). */
const ofBodies: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/**
 * Composes a 1xx response.
 *
 * @throws TypeError for a field that cannot be sent.
 */
export function composeInformation(status: number, headers: HttpHeaders): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (const [name, value] of headers) {
    if (ofBodies.has(name.toLowerCase())) continue;
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}
