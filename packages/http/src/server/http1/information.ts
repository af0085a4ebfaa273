import { STATUS_CODES } from "node:http";
import type { HttpHeaders } from "../../headers.ts";
import { fieldLines } from "./field-lines.ts";

/** Fields of a body, which a 1xx response does not have (RFC 9110, 8.6, and RFC 9112, 6.1). */
const ofBodies: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/**
 * Composes a 1xx response.
 *
 * @throws TypeError for a field that cannot be sent.
 */
export function composeInformation(status: number, headers: HttpHeaders): string {
  const fields = fieldLines(headers, (name) => !ofBodies.has(name.toLowerCase()));
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${fields}\r\n`;
}
