import type { MessageFault } from "@pagoda/http/http2";

/** What is wrong with a malformed or ambiguous response. */
export type MalformedReason =
  | MessageFault
  | "bare-line-feed"
  | "chunk-end"
  | "chunk-size"
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
