import type { IncomingMessage } from "node:http";
import { isAuthority } from "../grammar/authority.ts";
import { Framing, type FramingFault } from "../grammar/framing.ts";
import { membersOf } from "../grammar/list.ts";
import { headerBytes, type Refusal, tooLong } from "./refusal.ts";

/** Fields of a request beyond this are refused with 431. */
export const maxFields = 100;

/** What a field counts for beside its name and its value: a colon, a space and the end of the line. */
export const fieldBytes = 4;

/** What the fields of a request say of its framing. */
export interface RequestFraming {
  /** The `Host` field; empty where an HTTP/1.0 request has none. */
  readonly host: string;
  /** Bytes of the body; `undefined` for a chunked one. */
  readonly length: number | undefined;
}

/**
 * Reads the framing of a request, and refuses what Node's parser lets through but two readers of a message could
 * understand differently (RFC 9112, 3.2 and 6). The parser itself refuses conflicting lengths, a space before the
 * colon, bare line feeds and folded lines.
 *
 * One pass over the raw fields: `message.headers` would build an object of them all.
 */
export function readFraming(message: IncomingMessage): RequestFraming | Refusal {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = message;
  // HTTP/0.9 and 2.0 pass the parser, which frames them like 1.0.
  if (httpVersionMajor !== 1) return refused(505, "a version other than HTTP/1.1 and HTTP/1.0");
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
      if (!validHost(value)) return refused(400, "the Host field is malformed");
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
  if (host === undefined && httpVersionMinor > 0) return refused(400, "no Host field");
  return { host: host ?? "", length: framing.isChunked ? undefined : (framing.length ?? 0) };
}

const misframed: Readonly<Record<FramingFault, Refusal>> = {
  "length-malformed": refused(400, "a malformed Content-Length"),
  "lengths-differ": refused(400, "Content-Length fields that differ"),
  "coding-in-http-1.0": refused(400, "Transfer-Encoding in HTTP/1.0"),
  "coding-repeated": refused(400, "more than one Transfer-Encoding field"),
  "coding-unknown": refused(501, "a Transfer-Encoding other than chunked"),
  "coding-beside-length": refused(400, "both Content-Length and Transfer-Encoding"),
};

function refused(status: Refusal["status"], reason: string): Refusal {
  return { status, reason };
}

/**
 * What a request expects (RFC 9110, 10.1.1): `100-continue`, or nothing. `undefined`: something else. nginx and Envoy ignore
 * that; here it is refused with 417, since nobody on the way would do what was asked for.
 */
export function expectationOf(value: string): "continue" | "nothing" | undefined {
  const members = membersOf(value);
  if (!members.every((member) => member.toLowerCase() === "100-continue")) return undefined;
  return members.length > 0 ? "continue" : "nothing";
}

function validHost(value: string): boolean {
  return value === "" || isAuthority(value);
}
