import type { RawHeaders } from "@pagoda/http";

/**
 * A stored response: plain data, so that a store can keep it in another process. Times are
 * milliseconds since 1970 on the clock's `wallTime()`.
 */
export interface StoredResponse {
  readonly status: number;
  readonly statusText?: string | undefined;
  /** Alternating names and values, without `Age` and the fields of a connection. */
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
  /**
   * The request fields that selected this response: alternating names in lower case, as its `Vary`
   * lists them, and normalized values.
   */
  readonly selectedBy: RawHeaders;
  /** When the response was received, or validated last. */
  readonly receivedAt: number;
  /** Its age when it was received, in milliseconds (RFC 9111, 4.2.3: `corrected_initial_age`). */
  readonly initialAgeMs: number;
}
