import type { IncomingMessage } from "node:http";
import { isAuthority } from "../grammar/authority.ts";
import { Framing, type FramingFault } from "../grammar/framing.ts";
import { membersOf } from "../grammar/list.ts";
import { headerBytes, type Refusal, tooLong } from "./refusal.ts";

/** Maximum number of header fields; a request with more is refused with 431. */
export const maxFields = 100;

/** Bytes of a field besides its name and value: colon, space and line terminator. */
export const fieldBytes = 4;

/** A request's framing according to its fields. */
export interface RequestFraming {
  /** The `Host` field; empty if an HTTP/1.0 request has none. */
  readonly host: string;
  /** Length of the body in bytes; `undefined` if it is chunked. */
  readonly length: number | undefined;
}

/**
 * Reads the framing of a request and refuses ambiguities that Node's parser accepts but other
 * parsers could interpret differently (RFC 9112, 3.2 and 6). Node's parser itself refuses
 * conflicting lengths, a space before the colon, bare line feeds and folded lines.
 *
 * Makes one pass over the raw fields, because `message.headers` would build an object of all of
 * them.
 */
export function readFraming(message: IncomingMessage): RequestFraming | Refusal {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = message;
  // The parser accepts HTTP/0.9 and 2.0 and frames them like 1.0.
  if (httpVersionMajor !== 1) return refused(505, "HTTP version must be 1.1 or 1.0");
  if (rawHeaders.length > 2 * maxFields) return refused(431, `more than ${maxFields} header fields`);
  const { length: targetBytes } = message.url as string;
  let bytes = targetBytes;
  let host: string | undefined;
  const framing = new Framing(httpVersionMinor);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    bytes += name.length + value.length + fieldBytes;
    if (name.length === 4 && name.toLowerCase() === "host") {
      if (host !== undefined) return refused(400, "more than one Host field");
      if (!validHost(value)) return refused(400, "malformed Host field");
      host = value;
    } else if (name.length === 14 && name.toLowerCase() === "content-length") {
      const fault = framing.takeLength(value);
      if (fault !== undefined) return misframed[fault];
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      const fault = framing.takeCoding(value);
      if (fault !== undefined) return misframed[fault];
    }
  }
  if (bytes > headerBytes) return tooLong(targetBytes > headerBytes / 2);
  if (host === undefined && httpVersionMinor > 0) return refused(400, "missing Host field");
  return { host: host ?? "", length: framing.isChunked ? undefined : (framing.length ?? 0) };
}

const misframed: Readonly<Record<FramingFault, Refusal>> = {
  "length-malformed": refused(400, "malformed Content-Length"),
  "lengths-differ": refused(400, "conflicting Content-Length fields"),
  "coding-in-http-1.0": refused(400, "Transfer-Encoding in HTTP/1.0"),
  "coding-repeated": refused(400, "more than one Transfer-Encoding field"),
  "coding-unknown": refused(501, "Transfer-Encoding must be chunked"),
  "coding-beside-length": refused(400, "both Content-Length and Transfer-Encoding"),
};

function refused(status: Refusal["status"], reason: string): Refusal {
  return { status, reason };
}

/**
 * Parses `Expect` (RFC 9110, 10.1.1): `100-continue` or nothing; `undefined` for any other
 * expectation. nginx and Envoy ignore others; here they are refused with 417, because nothing on
 * the way would fulfil them.
 */
export function expectationOf(value: string): "continue" | "nothing" | undefined {
  const members = membersOf(value);
  if (!members.every((member) => member.toLowerCase() === "100-continue")) return undefined;
  return members.length > 0 ? "continue" : "nothing";
}

function validHost(value: string): boolean {
  return value === "" || isAuthority(value);
}
