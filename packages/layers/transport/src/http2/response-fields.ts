import { HttpHeaders } from "@pagoda/http";

/** Names of RST_STREAM codes, from 0 on (RFC 9113, section 7). */
const codeNames: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** Name of a RST_STREAM code. */
export function resetName(code: number): string {
  return codeNames[code] ?? String(code);
}

/**
 * Splits the raw header fields of a response, alternating names and values, into status and
 * headers.
 */
export function withoutStatus(raw: readonly string[]): [status: number, headers: HttpHeaders] {
  const fields: string[] = [];
  let status = 0;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i] === ":status") status = Number(raw[i + 1]);
    else fields.push(raw[i] as string, raw[i + 1] as string);
  }
  return [status, fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields)];
}
