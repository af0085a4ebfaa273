import { STATUS_CODES } from "node:http";
import { type HttpResponse, text } from "../message.ts";

/** Maximum size of a request's head in bytes. */
export const headerBytes = 61_440;

/** Maximum number of header fields; a request with more is refused with 431. */
export const maxFields = 100;

/** Bytes of a field besides its name and value: colon, space and line terminator. */
export const fieldBytes = 4;

/** A refusal of a request before any layer sees it. */
export interface Refusal {
  readonly status: 400 | 408 | 414 | 417 | 431 | 501 | 505;
  readonly reason: string;
  /**
   * Resets the stream without an answer: a malformed HTTP/2 request is a stream error (RFC 9113,
   * 8.1.1).
   */
  readonly isReset?: true;
}

/** Returns the refusal of a head that is too long, because of its target or its fields. */
export function tooLong(isTarget: boolean): Refusal {
  return isTarget
    ? { status: 414, reason: `request target exceeds ${headerBytes} bytes` }
    : { status: 431, reason: `header fields exceed ${headerBytes} bytes` };
}

/** Returns the response body of a refusal. */
export function refusalText({ status, reason }: Refusal): string {
  return `${status} ${reason}\n`;
}

/** Returns a complete response for a socket without a request to answer. */
export function bareResponse(refusal: Refusal): string {
  const body = refusalText(refusal);
  return (
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nconnection: close\r\n` +
    `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** The response if the stack fails. */
export function internalError(): HttpResponse {
  return text("500 Internal Server Error\n", 500);
}
