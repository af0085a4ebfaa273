import type { Fault } from "@pagoda/core";

/**
 * Could not connect to the origin: refused, unreachable, unknown name, TLS failure, timeout.
 * Nothing was sent. Origin `local` if the client is closed, or this machine has no descriptor, port
 * or memory left.
 */
export interface ConnectFailed extends Fault<"ConnectFailed"> {
  readonly upstream: string;
  /**
   * Error code of the system or the TLS library, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`.
   * `CONNECT_TIMEOUT` after a timeout, `CLOSED` if the client is closed.
   */
  readonly code: string;
}

/** The origin has the request but sent no response headers in time. */
export interface HeadersTimedOut extends Fault<"HeadersTimedOut"> {
  readonly upstream: string;
  readonly afterMs: number;
}

/** The connection broke, or the response was malformed, before the headers were complete. */
export interface ConnectionBroken extends Fault<"ConnectionBroken"> {
  readonly upstream: string;
  /**
   * Error code of the system, such as `ECONNRESET`. `ENDED` if the connection was closed without an
   * error, `MALFORMED` for a malformed response. With HTTP/2 the name of the stream error, such as
   * `REFUSED_STREAM`.
   */
  readonly code: string;
  /**
   * What is wrong with a malformed response, if known. Low cardinality, suitable as a metric label.
   */
  readonly reason?: string | undefined;
}

/** The maximum number of calls to this origin is in flight. */
export interface PoolExhausted extends Fault<"PoolExhausted"> {
  readonly upstream: string;
  readonly maxConnections: number;
}

/** The request cannot be sent, for example because of an invalid field value. */
export interface RequestInvalid extends Fault<"RequestInvalid"> {
  readonly reason: string;
}

/**
 * The request asks for a tunnel, which this client or this HTTP/2 origin does not support. Nothing
 * was sent.
 */
export interface UpgradeUnsupported extends Fault<"UpgradeUnsupported"> {
  readonly upstream: string;
}

/** Errors of a call to an origin, apart from an abort. Every HTTP client of Pagoda raises these. */
export type TransportFault =
  | ConnectFailed
  | HeadersTimedOut
  | ConnectionBroken
  | PoolExhausted
  | RequestInvalid
  | UpgradeUnsupported;
