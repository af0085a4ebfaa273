/** Error codes (RFC 9113, 7). */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

/** Names of the error codes, from 0 on (RFC 9113, 7). */
export const errorNames: readonly string[] = [
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

/** Name of an error code; its number if it is unknown. */
export function errorName(code: number): string {
  return errorNames[code] ?? String(code);
}

/**
 * The connection cannot continue: the peer broke the protocol (RFC 9113, 5.4.1), or closed it with
 * a GOAWAY.
 */
export class ConnectionError extends Error {
  /** Name of the error code, such as `PROTOCOL_ERROR`. */
  readonly code: string;
  readonly errorCode: number;

  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
    this.code = errorName(errorCode);
  }
}

/** The socket has ended. */
export function connectionEnded(): Error {
  return Object.assign(new Error("connection closed"), { code: "ENDED" });
}

/** Streams above the last one of a GOAWAY count as refused (RFC 9113, 6.8 and 8.7). */
export function unprocessed(): Error {
  const code = errorName(errorCode.refusedStream);
  return Object.assign(new Error("connection closed before the stream was processed"), { code });
}

/** The peer reset one stream (RFC 9113, 6.4). */
export class StreamReset extends Error {
  /** Name of the error code, such as `REFUSED_STREAM`. */
  readonly code: string;
  readonly errorCode: number;

  constructor(errorCode: number) {
    super(`stream reset: ${errorName(errorCode)}`);
    this.errorCode = errorCode;
    this.code = errorName(errorCode);
  }
}

/** What is wrong with a malformed message. */
export type MessageFault =
  | "body-too-long"
  | "body-too-short"
  | "connection-field"
  | "content-length"
  | "field-name"
  | "field-value"
  | "fields-too-long"
  | "pseudo-fields"
  | "sequence"
  | "status";

/** A malformed message: an error of its stream (RFC 9113, 8.1.1). */
export class MalformedMessage extends Error {
  readonly code = "PROTOCOL_ERROR";
  readonly reason: MessageFault;

  constructor(reason: MessageFault, message: string) {
    super(message);
    this.reason = reason;
  }
}
