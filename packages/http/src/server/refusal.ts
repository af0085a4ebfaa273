import { STATUS_CODES } from "node:http";

/** Bytes of a request's head. */
export const headerBytes = 61_440;

/** Why a request is refused before any layer sees it. */
export interface Refusal {
  readonly status: 400 | 408 | 414 | 417 | 431 | 501 | 505;
  readonly reason: string;
  /** Without an answer: a malformed request of HTTP/2 is an error of its stream (RFC 9113, 8.1.1). */
  readonly isReset?: true;
}

/**
 * What Node's word for a client's mistake means; `undefined` when not the client but the socket failed.
 *
 * @param headMs How long a head may take.
 */
export function refusalOf(code: string | undefined, headMs: number): Refusal | undefined {
  // Nobody knows any more of what.
  if (code === "HPE_HEADER_OVERFLOW") return tooLong(false);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { status: 408, reason: `no complete header within ${headMs} ms` };
  }
  return code?.startsWith("HPE_") ? { status: 400, reason: "the request is malformed" } : undefined;
}

/** A head that is longer than allowed, because of its target or not. */
export function tooLong(isTarget: boolean): Refusal {
  return isTarget
    ? { status: 414, reason: `a request target of more than ${headerBytes} bytes` }
    : { status: 431, reason: `header fields of more than ${headerBytes} bytes` };
}

/** What the client is told. */
export function refusalText({ status, reason }: Refusal): string {
  return `${status} ${reason}\n`;
}

/** The whole response, for a socket on which there is no request to answer. */
export function bareResponse(refusal: Refusal): string {
  const body = refusalText(refusal);
  return (
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nconnection: close\r\n` +
    `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
