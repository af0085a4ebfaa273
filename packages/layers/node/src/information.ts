import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpHeaders } from "@pagoda/http";
import { checkedFields } from "./response-head.ts";

/** Fields of a body, which a 1xx response does not have (RFC 9110, 8.6, and RFC 9112, 6.1). */
const ofBodies = ["content-length", "transfer-encoding"] as const;

/**
 * Sends a 1xx response. Node itself sends 100, and HTTP/1.0 has none.
 *
 * @throws TypeError for a field that cannot be sent.
 */
export function sendInformation(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: HttpHeaders,
): void {
  if (status <= 101 || status > 199 || request.httpVersion === "1.0" || response.headersSent) return;
  const fields = ofBodies.reduce((rest, name) => rest.delete(name), headers);
  const raw = checkedFields(fields.raw);
  // Since Node 24.18. Node 22 only has 102 and 103, and the latter only for links.
  if ("writeInformation" in response) response.writeInformation(status, raw);
  else writeHint(response, status, fields);
}

function writeHint(response: ServerResponse, status: number, headers: HttpHeaders): void {
  if (status === 102) response.writeProcessing();
  if (status !== 103) return;
  const hints: Record<string, string | string[]> = {};
  for (const [name] of headers) hints[name.toLowerCase()] = [...headers.all(name)];
  try {
    response.writeEarlyHints(hints);
  } catch {
    // Node accepts fewer links than RFC 8288 has. A client can do without a hint.
  }
}
