/** What is wrong with a response that two readers might understand differently, or that is no HTTP. */
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

/** What an origin said is no HTTP that two readers understand alike. */
export class Malformed extends Error {
  readonly code = "MALFORMED";
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
