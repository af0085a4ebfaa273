/** What is wrong with a malformed or ambiguous response. */
export type MalformedReason =
  | "bare-line-feed"
  | "body-too-long"
  | "chunk-end"
  | "chunk-size"
  | "content-length"
  | "field-name"
  | "field-value"
  | "head-too-long"
  | "line-too-long"
  | "not-http"
  | "trailer-not-allowed"
  | "trailers-too-long"
  | "transfer-encoding"
  | "unexpected-bytes"
  | "unexpected-upgrade"
  | "websocket-accept";

/** The response is malformed, or two parsers might read it differently. */
export class Malformed extends Error {
  readonly code = "MALFORMED";
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
